/** A device's code is read however it was typed, and nothing else is taken for one. */
import { expect, test } from "vitest";
import { readCode } from "../../src/features/device/code";

test.each(["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "BC-DF-GH-JK"])("%j is a code", (typed) => {
  expect(readCode(typed)).toBe("BCDF-GHJK");
});

test.each(["", "BCDF", "BCDF-GHJKL", "1234-5678", "../../me", "BCDF/GHJK"])(
  "%j is none",
  (typed) => {
    expect(readCode(typed)).toBeUndefined();
  },
);
