/** Instants are in UTC, whatever the reader's zone. */
import { expect, it } from "vitest";
import { instantOf, writeAge, writeClock, writeExactly, writeInstant } from "../../src/time";

const AT = Date.parse("2026-11-24T23:30:05.120+01:00");

it("writes today's instants by the clock and others with their day", () => {
  expect(writeInstant(AT, AT + 60_000)).toBe("22:30:05");
  expect(writeInstant(AT, AT + 86_400_000)).toBe("24 Nov 22:30");
  expect(writeClock(AT)).toBe("22:30");
  expect(writeExactly(AT)).toBe("2026-11-24 22:30:05.120 UTC");
});

it("knows what is no instant", () => {
  expect([instantOf("x"), instantOf(""), instantOf(null), instantOf(undefined)]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

it.each([
  [-5, "0s"],
  [4_400, "4s"],
  [119_000, "119s"],
  [180_000, "3m"],
  [3 * 3_600_000, "3h"],
  [9 * 86_400_000, "9d"],
])("writes an age of %i ms as %s", (ms, age) => {
  expect(writeAge(ms)).toBe(age);
});
