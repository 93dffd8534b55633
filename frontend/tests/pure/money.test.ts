/** Money stays exact from typed text to the request, and from the answer to the screen. */
import { describe, expect, it } from "vitest";
import {
  CURRENCIES,
  checkAmount,
  compareDecimals,
  exponentOf,
  formatAmount,
} from "../../src/money";

describe("checkAmount", () => {
  it.each([
    ["12.34", "USD", "12.34"],
    ["12.3", "USD", "12.30"],
    ["12", "USD", "12.00"],
    ["12.", "USD", "12.00"],
    ["12.3400", "USD", "12.34"],
    [" 7 ", "JPY", "7"],
    ["0.001", "KWD", "0.001"],
    ["0.1", "IQD", "0.100"],
    ["10000000000000.00", "USD", "10000000000000.00"],
    ["1000000000000000", "JPY", "1000000000000000"],
  ])("takes %j of %s as %j", (typed, currency, amount) => {
    expect(checkAmount(typed, currency)).toEqual({ amount });
  });

  it.each([
    ["", "USD", /Enter an amount/],
    ["0", "USD", /greater than zero/],
    ["0.00", "USD", /greater than zero/],
    ["-5", "USD", /greater than zero/],
    ["12.345", "USD", /2 decimals/],
    ["12.5", "JPY", /no decimals/],
    ["0.0001", "KWD", /3 decimals/],
    ["10000000000000.01", "USD", /At most/],
    ["1000000000000001", "JPY", /At most/],
    ["1,234.50", "USD", /without separators/],
    ["12,50", "EUR", /point for decimals/],
    ["1e5", "USD", /digits/],
    ["١٢", "USD", /digits/],
    ["NaN", "USD", /digits/],
    ["12.34", "XXX", /Choose a currency/],
  ])("refuses %j of %s", (typed, currency, problem) => {
    expect(checkAmount(typed, currency).problem).toMatch(problem);
  });
});

describe("formatAmount", () => {
  it("writes more digits than a number could hold", () => {
    expect(formatAmount("9007199254740993.01", "en")).toBe("9,007,199,254,740,993.01");
  });

  it("keeps the decimals that came, in the reader's locale", () => {
    expect(formatAmount("1234.50", "de")).toBe("1.234,50");
    expect(formatAmount("1234.500", "en")).toBe("1,234.500");
    expect(formatAmount("1234", "en")).toBe("1,234");
    expect(formatAmount("-0.10", "en")).toBe("-0.10");
  });

  it("shows what is no decimal as it came", () => {
    expect(formatAmount("12.3.4", "en")).toBe("12.3.4");
    expect(formatAmount("Infinity", "en")).toBe("Infinity");
  });
});

describe("compareDecimals", () => {
  it("orders exactly, whatever the number of decimals", () => {
    expect(compareDecimals("0.1", "0.10")).toBe(0);
    expect(compareDecimals("9007199254740993", "9007199254740992.9")).toBe(1);
    expect(compareDecimals("-1", "1")).toBe(-1);
    expect(compareDecimals("x", "1")).toBeUndefined();
  });
});

it("knows the currencies' own decimals", () => {
  expect([exponentOf("USD"), exponentOf("JPY"), exponentOf("KWD"), exponentOf("XAU")]).toEqual([
    2,
    0,
    3,
    undefined,
  ]);
  expect(new Set(CURRENCIES).size).toBe(CURRENCIES.length);
});
