/** Code: the eight letters that a device shows, in two halves, and why one leads to nothing. */
import { Refusal, sentenceOf } from "../../api/problem";

const HALF = 4;
const LENGTH = 2 * HALF;

/** As the device shows it, however it was typed: "bcdf ghjk" is BCDF-GHJK. Undefined: no code. */
export function readCode(typed: string): string | undefined {
  const letters = typed.replace(/[\s-]/g, "").toUpperCase();
  return /^[A-Z]+$/.test(letters) && letters.length === LENGTH
    ? `${letters.slice(0, HALF)}-${letters.slice(HALF)}`
    : undefined;
}

/** Why a code leads to nothing, and what to do about it. */
export function wordsOf(error: unknown): string {
  switch (error instanceof Refusal ? error.status : undefined) {
    case 404:
    case 422:
      return "No device shows this code. Look at it once more.";
    case 409:
      return "This code was used before. Let the device show a new one.";
    case 410:
      return "This code has expired. Let the device show a new one.";
    default:
      return sentenceOf(error);
  }
}
