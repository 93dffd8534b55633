/** Filters mean the same in the box, in the address, to the gateway, and to the live list. */
import { describe, expect, it } from "vitest";
import {
  type Filters,
  formatFilterText,
  matches,
  parseFilterText,
  queryOf,
  readFilters,
  writeFilters,
} from "../../src/features/transactions/filters";
import { transaction } from "../values";

const NOW_MS = Date.parse("2026-11-24T12:10:00Z");

const SAME: [string, Filters][] = [
  ["", {}],
  ["merchant:Tesco", { merchant: "Tesco" }],
  ['merchant:"Corner Bakery"', { merchant: "Corner Bakery" }],
  ["account:acc-7f3k2m", { account_id: "acc-7f3k2m" }],
  ["currency:EUR", { currency: "EUR" }],
  ["decision:review", { decision: "review" }],
  ["flagged:yes", { is_flagged: "true" }],
  ["amount:>=1000", { amount_min: "1000" }],
  ["amount:<=99.50", { amount_max: "99.50" }],
  ["amount:10..99.50", { amount_min: "10", amount_max: "99.50" }],
  ["score:>=0.8", { score_min: "0.8" }],
  ["since:15m", { since: "15m" }],
  ['since:"2026-11-24T00:00:00Z"', { since: "2026-11-24T00:00:00Z" }],
];

describe("the box", () => {
  it.each(SAME)("reads and writes %j", (text, filters) => {
    expect(parseFilterText(text)).toEqual({ filters });
    expect(formatFilterText(filters)).toBe(text);
    expect(readFilters(writeFilters(filters))).toEqual(filters);
  });

  it.each([
    ["Corner Bakery", { merchant: "Corner Bakery" }],
    ['"Corner Bakery" decision:Decline', { merchant: "Corner Bakery", decision: "decline" }],
    ["amount:>1000", { amount_min: "1000" }],
    ["amount:5", { amount_min: "5", amount_max: "5" }],
    ["currency:eur", { currency: "EUR" }],
    ["since:2026-11-24", { since: "2026-11-24T00:00:00Z" }],
    ["since:2026-11-24T14:00", { since: "2026-11-24T14:00Z" }],
    ['merchant:"unfinished', { merchant: "unfinished" }],
  ])("understands %j", (text, filters) => {
    expect(parseFilterText(text)).toEqual({ filters });
  });

  it.each([
    ["foo:bar", /no field “foo”/],
    ["acount:x", /did you mean account:/],
    ["decision:maybe", /approve, review or decline/],
    ["amount:lots", /takes/],
    ["amount:-5", /takes/],
    ["score:7", /0 to 1/],
    ["since:yesterday", /15m/],
    ["currency:euro", /EUR/],
    ["flagged:perhaps", /yes or no/],
    ["decision:", /needs a value/],
  ])("says what is wrong with %j", (text, problem) => {
    expect(parseFilterText(text).problem).toMatch(problem);
  });
});

describe("the address", () => {
  it("holds only fields that are known", () => {
    expect(readFilters(new URLSearchParams("merchant=A&evil=1&cursor=x&decision="))).toEqual({
      merchant: "A",
    });
  });
});

describe("the query", () => {
  it("counts an age back from now and keeps amounts as text", () => {
    expect(queryOf({ since: "15m", amount_min: "0.10", is_flagged: "false" }, NOW_MS)).toEqual({
      since: "2026-11-24T11:55:00.000Z",
      amount_min: "0.10",
      is_flagged: false,
    });
  });
});

describe("the live list", () => {
  const live = transaction(1, {
    amount: "9007199254740993.01",
    score: 0.8,
    decision: "review",
    is_flagged: true,
  });

  it.each<[Filters, boolean]>([
    [{}, true],
    [{ merchant: "Corner Bakery" }, true],
    [{ merchant: "corner" }, false],
    [{ account_id: "acc-2" }, false],
    [{ currency: "EUR", decision: "review", is_flagged: "true" }, true],
    [{ amount_min: "9007199254740993.01" }, true],
    [{ amount_min: "9007199254740993.02" }, false],
    [{ amount_max: "9007199254740993.00" }, false],
    [{ score_min: "0.8" }, true],
    [{ score_min: "0.9" }, false],
    [{ since: "15m" }, true],
    [{ since: "5m" }, false],
    [{ until: "2026-11-24T12:00:00Z" }, false],
  ])("with %j takes it: %j", (filters, expected) => {
    expect(matches(filters, live, NOW_MS)).toBe(expected);
  });
});
