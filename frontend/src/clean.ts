/**
 * Cleaning: the one gate through which text from outside enters the dashboard.
 *
 * In:   whatever the gateway answered, decoded from JSON.
 * Out:  the same with every text made harmless to look at.
 * React escapes HTML, but it shows bidirectional overrides, zero-width and control characters as
 * they are, so that a name could look like another one. They become U+FFFD here, as in the console.
 */

/** Characters; longer than anything the gateway accepts for one field of a transaction. */
export const TEXT_LENGTH_MAX = 512;

// C: controls, formats (bidi, zero width), surrogates, private use, unassigned; line separators.
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
// A letter with more marks than this grows over its neighbours' lines ("Zalgo").
const PILED_MARKS = /([\p{Mn}\p{Me}]{3})[\p{Mn}\p{Me}]+/gu;
const PLAIN = /^[\x20-\x7e]*$/;

/** Returns `text` without anything that hides or reorders, at most `lengthMax` characters long. */
export function clean(text: string, lengthMax = TEXT_LENGTH_MAX): string {
  if (PLAIN.test(text)) {
    return shorten(text, lengthMax);
  }
  // Cut before the work as well as after it: a text of megabytes costs no more than a line.
  const head = text.slice(0, 4 * lengthMax).normalize("NFC");
  return shorten(head.replace(UNSAFE, "\ufffd").replace(PILED_MARKS, "$1"), lengthMax);
}

/** Cleans every text inside decoded JSON, keys included; everything else stays as it is. */
export function cleanAll<T>(value: T): T {
  return cleaned(value) as T;
}

function cleaned(value: unknown): unknown {
  if (typeof value === "string") {
    return clean(value);
  }
  if (Array.isArray(value)) {
    return value.map(cleaned);
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [clean(key), cleaned(item)]),
    );
  }
  return value;
}

function shorten(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`;
}
