/** Client: the typed calls of the gateway's OpenAPI document, signed by the session. */
import createClient from "openapi-fetch";
import { cleanAll } from "../clean";
import { Refusal } from "./problem";
import type { paths } from "./schema";
import { session } from "./session";

export const client = createClient<paths>({ baseUrl: location.origin, fetch: session.fetch });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Returns what the gateway answered, its texts cleaned. Throws Refusal. */
export function bodyOf<T>(answer: Answer<T>): T {
  if (!answer.response.ok || answer.data === undefined) {
    throw new Refusal(answer.response, answer.error);
  }
  return cleanAll(answer.data);
}

/** Takes an answer without a body. Throws Refusal, except for these statuses. */
export function expectNothing(answer: Answer<unknown>, taken: readonly number[] = []): void {
  if (!answer.response.ok && !taken.includes(answer.response.status)) {
    throw new Refusal(answer.response, answer.error);
  }
}

/** One page of a list, and the way to the next. */
export interface Page<T> {
  items: readonly T[];
  nextCursor: string | undefined;
  /**
   * The next page's filters and cursor, as an address holds them: with times as they were when this
   * page was asked for, since a cursor belongs to the very filters that it was made with.
   */
  nextQuery?: string | undefined;
}

/** Returns one page of a list; the next one's query is in the `Link` header (RFC 8288). */
export function pageOf<T>(answer: Answer<readonly T[]>): Page<T> {
  const items = bodyOf(answer);
  const next = nextQueryOf(answer.response.headers.get("link"));
  const nextCursor = next?.get("cursor") ?? undefined;
  next?.delete("limit");
  return { items, nextCursor, nextQuery: nextCursor && next?.toString() };
}

/** Finds the query of `<…?cursor=X>; rel="next"` in a Link header. */
export function nextQueryOf(link: string | null): URLSearchParams | undefined {
  for (const match of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    const [, target = "", parameters = ""] = match;
    if (/;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:[;,]|$)/i.test(parameters)) {
      return new URL(target, location.origin).searchParams;
    }
  }
  return undefined;
}
