/** Next: where to go after sign-in, as `?next=` says. */

// Control characters, which browsers drop from an address, and what they take for a slash.
const NEVER = /[\p{Cc}\\]/u;

/** A place of ours, never another site: `next` as path, query and fragment, or the first page. */
export function wayOf(next: string | null): string {
  if (!next?.startsWith("/") || NEVER.test(next)) {
    return "/";
  }
  // As the browser will read it: "/..//evil.example" is another site only after the dots are gone.
  const { origin, pathname, search, hash } = new URL(`https://here.invalid${next}`);
  return origin === "https://here.invalid" && !pathname.startsWith("//")
    ? `${pathname}${search}${hash}`
    : "/";
}
