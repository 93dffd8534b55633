/**
 * Filters of the history: the same words in the page's address, in the filter box and to the gateway.
 *
 * The address holds the gateway's parameters, so a link shows the same to everyone who may see it;
 * a time may be relative there (`since=15m`) and stays so. The box is the console's language:
 * `decision:review amount:>=1000 account:acc42 since:15m "free words"`.
 */
import type { Transaction } from "../../api/types";
import { compareDecimals } from "../../money";
import { absoluteTime, isAge } from "../../time";

export const FIELDS = [
  "merchant",
  "account_id",
  "currency",
  "decision",
  "is_flagged",
  "amount_min",
  "amount_max",
  "score_min",
  "since",
  "until",
] as const;
export type Field = (typeof FIELDS)[number];
export type Filters = Readonly<Partial<Record<Field, string>>>;

/** Reads the filters that an address holds; other parameters are not ours. */
export function readFilters(parameters: URLSearchParams): Filters {
  return Object.fromEntries(
    FIELDS.flatMap((field) => {
      const value = parameters.get(field)?.trim();
      return value ? [[field, value]] : [];
    }),
  );
}

/** Writes filters as parameters of an address. */
export function writeFilters(filters: Filters): URLSearchParams {
  return new URLSearchParams(
    FIELDS.flatMap((field) => (filters[field] ? [[field, filters[field]]] : [])),
  );
}

/** What the gateway is asked, with relative times counted back from `nowMs`. */
export function queryOf(filters: Filters, nowMs: number) {
  const { is_flagged, decision, score_min, since, until, ...rest } = filters;
  return {
    ...rest,
    ...(score_min && { score_min: Number(score_min) }),
    ...(decision && { decision: decision as "approve" | "review" | "decline" }),
    ...(is_flagged && { is_flagged: is_flagged === "true" }),
    ...(since && { since: absoluteTime(since, nowMs) }),
    ...(until && { until: absoluteTime(until, nowMs) }),
  };
}

/** Whether a live transaction belongs into a list with these filters. */
export function matches(filters: Filters, transaction: Transaction, nowMs: number): boolean {
  const created = Date.parse(transaction.created_at);
  const checks: Readonly<Record<Field, (wanted: string) => boolean>> = {
    merchant: (wanted) => transaction.merchant === wanted,
    account_id: (wanted) => transaction.account_id === wanted,
    currency: (wanted) => transaction.currency === wanted,
    decision: (wanted) => transaction.decision === wanted,
    is_flagged: (wanted) => String(transaction.is_flagged) === wanted,
    amount_min: (wanted) => (compareDecimals(transaction.amount, wanted) ?? -1) >= 0,
    amount_max: (wanted) => (compareDecimals(transaction.amount, wanted) ?? 1) <= 0,
    score_min: (wanted) => (transaction.score ?? -1) >= Number(wanted),
    since: (wanted) => created >= Date.parse(absoluteTime(wanted, nowMs)),
    until: (wanted) => created < Date.parse(absoluteTime(wanted, nowMs)),
  };
  return FIELDS.every((field) => {
    const wanted = filters[field];
    return wanted === undefined || checks[field](wanted);
  });
}

/** Filters, or the sentence that says what is wrong with the text. */
export type Parsed = { filters: Filters; problem?: never } | { filters?: never; problem: string };

/** Reads what was typed into the filter box. */
export function parseFilterText(text: string): Parsed {
  const found: Partial<Record<Field, string>> = {};
  const words: string[] = [];
  for (const token of tokensOf(text)) {
    if (token.name === undefined) {
      words.push(token.value);
      continue;
    }
    const reader = READERS[token.name.toLowerCase()];
    if (!reader) {
      return { problem: unknownField(token.name) };
    }
    const outcome = token.value === "" ? `${token.name}: needs a value.` : reader(token.value);
    if (typeof outcome === "string") {
      return { problem: outcome };
    }
    Object.assign(found, outcome);
  }
  if (words.length > 0) {
    found.merchant = words.join(" ");
  }
  return { filters: found };
}

/** Writes filters as the filter box would take them. */
export function formatFilterText(filters: Filters): string {
  const { amount_min, amount_max } = filters;
  const amount =
    amount_min && amount_max
      ? `amount:${amount_min}..${amount_max}`
      : amount_min
        ? `amount:>=${amount_min}`
        : amount_max && `amount:<=${amount_max}`;
  return [
    filters.merchant && named("merchant", filters.merchant),
    filters.account_id && named("account", filters.account_id),
    filters.currency && named("currency", filters.currency),
    filters.decision && named("decision", filters.decision),
    filters.is_flagged && `flagged:${filters.is_flagged === "true" ? "yes" : "no"}`,
    amount,
    filters.score_min && `score:>=${filters.score_min}`,
    filters.since && named("since", filters.since),
    filters.until && named("until", filters.until),
  ]
    .filter(Boolean)
    .join(" ");
}

type Reader = (value: string) => Partial<Record<Field, string>> | string;

const DECISIONS: ReadonlySet<string> = new Set(["approve", "review", "decline"]);
const YES: Readonly<Record<string, string>> = {
  yes: "true",
  true: "true",
  no: "false",
  false: "false",
};

const READERS: Readonly<Record<string, Reader>> = {
  merchant: (value) => ({ merchant: value }),
  account: (value) => ({ account_id: value }),
  currency: (value) =>
    /^[a-z]{3}$/i.test(value)
      ? { currency: value.toUpperCase() }
      : "currency: takes a code such as EUR.",
  decision: (value) =>
    DECISIONS.has(value.toLowerCase())
      ? { decision: value.toLowerCase() }
      : "decision: takes approve, review or decline.",
  flagged: (value) => {
    const is_flagged = YES[value.toLowerCase()];
    return is_flagged ? { is_flagged } : "flagged: takes yes or no.";
  },
  amount: readAmount,
  score: (value) => {
    const bound = /^(?:>=?)?(0(?:\.[0-9]+)?|1(?:\.0+)?|\.[0-9]+)$/.exec(value)?.[1];
    return bound ? { score_min: bound } : "score: takes a least value from 0 to 1, such as >=0.8.";
  },
  since: (value) => readTime("since", value),
  until: (value) => readTime("until", value),
};

function readAmount(value: string): Partial<Record<Field, string>> | string {
  const range = /^([0-9]+(?:\.[0-9]+)?)\.\.([0-9]+(?:\.[0-9]+)?)$/.exec(value);
  if (range?.[1] && range[2]) {
    return { amount_min: range[1], amount_max: range[2] };
  }
  const bound = /^(>=?|<=?)?([0-9]+(?:\.[0-9]+)?)$/.exec(value);
  const amount = bound?.[2];
  if (!amount) {
    return "amount: takes >=10, <=99.50 or 10..99.50.";
  }
  if (bound[1]?.startsWith(">")) {
    return { amount_min: amount };
  }
  return bound[1] ? { amount_max: amount } : { amount_min: amount, amount_max: amount };
}

function readTime(
  field: "since" | "until",
  value: string,
): Partial<Record<Field, string>> | string {
  if (isAge(value)) {
    return { [field]: value };
  }
  // A date without a zone would be read in the reader's own: here everything is in UTC.
  const text = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(value)
    ? `${value}T00:00:00Z`
    : /(Z|[+-][0-9]{2}:[0-9]{2})$/i.test(value)
      ? value
      : `${value}Z`;
  return Number.isNaN(Date.parse(text))
    ? `${field}: takes an age such as 15m, 2h or 3d, or a time such as 2026-11-24T14:00Z.`
    : { [field]: text };
}

interface Token {
  name: string | undefined;
  value: string;
}

function tokensOf(text: string): Token[] {
  const pattern = /([A-Za-z_]+):(?=\s|$)|(?:([A-Za-z_]+):)?(?:"([^"]*)"?|([^\s"]+))/g;
  return [...text.matchAll(pattern)].map((match) => ({
    name: match[1] ?? match[2],
    value: match[3] ?? match[4] ?? "",
  }));
}

function named(name: string, value: string): string {
  return /^[^\s":]+$/.test(value) ? `${name}:${value}` : `${name}:"${value.replaceAll('"', "")}"`;
}

function unknownField(name: string): string {
  const known = Object.keys(READERS);
  const near = known.find((field) => field[0] === name[0]?.toLowerCase());
  return `There is no field “${name}”${near ? `; did you mean ${near}:?` : "."} Fields: ${known.join(", ")}.`;
}
