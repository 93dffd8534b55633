/**
 * Money: exact decimal text, from the gateway to the screen and from the form to the gateway.
 *
 * An amount is never a JavaScript number: 0.1 + 0.2 is not 0.3 there, and 2^53 is less than what
 * one transaction may hold. `Intl.NumberFormat` takes decimal text and writes it exactly.
 */
import currencies from "./currencies.json";

/** Largest amount of one transaction, in minor units; the gateway's own bound. */
export const MINOR_UNITS_MAX = 10n ** 15n;

// Not taken from Intl: it follows CLDR, which drops decimals that ISO 4217 has (IQD, ALL, …).
// A test compares this list with the gateway's.
const EXPONENTS: ReadonlyMap<string, number> = new Map(
  Object.entries(currencies).flatMap(([exponent, codes]) =>
    codes.split(" ").map((code) => [code, Number(exponent)] as const),
  ),
);

/** Codes of all accepted currencies, in alphabetical order. */
export const CURRENCIES: readonly string[] = [...EXPONENTS.keys()].sort();

const DECIMAL = /^(-?)([0-9]+)(?:\.([0-9]+))?$/;

/** Decimals of a currency (ISO 4217), or undefined for one that is not accepted. */
export function exponentOf(currency: string): number | undefined {
  return EXPONENTS.get(currency);
}

/** What the typed text is: an amount ready to send, or what to mend. */
export type AmountCheck = { amount: string; problem?: never } | { amount?: never; problem: string };

/** Checks a typed amount by the gateway's rules, without rounding anything. */
export function checkAmount(typed: string, currency: string): AmountCheck {
  const exponent = exponentOf(currency);
  const text = typed.trim();
  if (exponent === undefined) {
    return { problem: "Choose a currency." };
  }
  if (text === "") {
    return { problem: "Enter an amount." };
  }
  const match = /^([0-9]{1,20})(?:\.([0-9]{0,20}))?$/.exec(text);
  if (!match) {
    return { problem: problemOf(text) };
  }
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > exponent) {
    return { problem: `${currency} has ${decimalsInWords(exponent)}.` };
  }
  const minorUnits = BigInt(`${match[1]}${fraction.padEnd(exponent, "0")}`);
  if (minorUnits === 0n) {
    return { problem: "The amount must be greater than zero." };
  }
  if (minorUnits > MINOR_UNITS_MAX) {
    const most = formatMinorUnits(MINOR_UNITS_MAX, exponent);
    return { problem: `At most ${formatAmount(most)} ${currency}.` };
  }
  return { amount: formatMinorUnits(minorUnits, exponent) };
}

/**
 * Writes exact decimal text in the reader's locale, with the decimals that it came with.
 * Text that is no decimal is returned as it is: better odd than wrong.
 */
export function formatAmount(text: string, locale?: string): string {
  const match = DECIMAL.exec(text);
  if (!match) {
    return text;
  }
  const decimals = match[3]?.length ?? 0;
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(text as `${number}`);
}

/** The currency's name in the reader's language, or its code. */
export function currencyName(currency: string, locale?: string): string {
  try {
    return (
      new Intl.DisplayNames(locale ? [locale] : [], { type: "currency" }).of(currency) ?? currency
    );
  } catch {
    return currency;
  }
}

/** Orders two decimal texts exactly: negative, zero or positive. Undefined for anything else. */
export function compareDecimals(left: string, right: string): number | undefined {
  const [a, b] = [DECIMAL.exec(left), DECIMAL.exec(right)];
  if (!a || !b) {
    return undefined;
  }
  const scale = Math.max(a[3]?.length ?? 0, b[3]?.length ?? 0);
  const scaled = (match: RegExpExecArray) =>
    BigInt(`${match[1]}${match[2]}${(match[3] ?? "").padEnd(scale, "0")}`);
  const difference = scaled(a) - scaled(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function formatMinorUnits(minorUnits: bigint, exponent: number): string {
  const digits = minorUnits.toString().padStart(exponent + 1, "0");
  return exponent === 0 ? digits : `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

function problemOf(text: string): string {
  if (text.startsWith("-")) {
    return "The amount must be greater than zero.";
  }
  if (/^[0-9.,' ]+$/.test(text)) {
    return "Write it without separators and with a point for decimals, such as 1234.50.";
  }
  return "Enter digits, such as 12.34.";
}

function decimalsInWords(exponent: number): string {
  return exponent === 0 ? "no decimals" : `${exponent} decimals`;
}
