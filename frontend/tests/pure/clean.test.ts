/** Text from outside can hide nothing and reorder nothing on the screen. */
import { expect, it } from "vitest";
import { clean, cleanAll, TEXT_LENGTH_MAX } from "../../src/clean";

it.each([
  ["plain text", "Corner Bakery", "Corner Bakery"],
  ["letters of all scripts", "Café 東京 Zürich", "Café 東京 Zürich"],
  ["a bidi override", "abc\u202Egnp.exe", "abc\uFFFDgnp.exe"],
  ["a bidi isolate", "a\u2066b\u2069", "a\uFFFDb\uFFFD"],
  ["zero width", "pay\u200Bpal", "pay\uFFFDpal"],
  ["a terminal's escape", "\u001b]0;x\u0007", "\uFFFD]0;x\uFFFD"],
  ["C1 controls", "a\u009bb", "a\uFFFDb"],
  ["NUL and newline", "a\0b\nc", "a\uFFFDb\uFFFDc"],
  ["line separators", "a\u2028b\u2029c", "a\uFFFDb\uFFFDc"],
  ["private use", "a\uE000b", "a\uFFFDb"],
  ["a lone surrogate", "a\uD800b", "a\uFFFDb"],
  ["markup, which React escapes", "<b>x</b>", "<b>x</b>"],
  ["composed letters", "e\u0301", "é"],
])("makes %s harmless", (_, text, harmless) => {
  expect(clean(text)).toBe(harmless);
});

it("keeps a letter from growing over its neighbours", () => {
  expect(clean(`q${"\u0322\u0307\u0331".repeat(20)}`).length).toBeLessThanOrEqual(4);
});

it("cuts what is too long, and is quick about it", () => {
  const begun = performance.now();
  const text = clean("ä".repeat(5_000_000));
  expect(text).toHaveLength(TEXT_LENGTH_MAX);
  expect(text.endsWith("…")).toBe(true);
  expect(performance.now() - begun).toBeLessThan(500);
});

it("reaches every text of an answer, its keys too, and nothing else", () => {
  const answer = { "k\u202E": ["a\u200B", 1, null, true, { deep: "\u0007" }] };
  expect(cleanAll(answer)).toEqual({ "k\uFFFD": ["a\uFFFD", 1, null, true, { deep: "\uFFFD" }] });
});
