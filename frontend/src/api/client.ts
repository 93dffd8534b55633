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

/** One page of a list, and the cursor of the next. */
export interface Page<T> {
  items: readonly T[];
  nextCursor: string | undefined;
}

/** Returns one page of a list; the next one's cursor is in the `Link` header (RFC 8288). */
export function pageOf<T>(answer: Answer<readonly T[]>): Page<T> {
  return { items: bodyOf(answer), nextCursor: nextCursorOf(answer.response.headers.get("link")) };
}

/** Finds the cursor of `<…?cursor=X>; rel="next"` in a Link header. */
export function nextCursorOf(link: string | null): string | undefined {
  for (const match of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    const [, target = "", parameters = ""] = match;
    if (/;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:[;,]|$)/i.test(parameters)) {
      return new URL(target, location.origin).searchParams.get("cursor") ?? undefined;
    }
  }
  return undefined;
}
