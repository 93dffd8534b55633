/** J31: after sign-in one is led to a page of ours, whatever the address asks for. */
import { expect, test } from "vitest";
import { wayOf } from "../../src/features/sign-in/next";

test.each([
  ["/", "/"],
  ["/alerts?alert=1", "/alerts?alert=1"],
  ["/transactions?filter=merchant%3A%22a%2F%2Fb%22#top", undefined],
  ["/device?code=BCDF-GHJK", "/device?code=BCDF-GHJK"],
  ["/a/../alerts", "/alerts"],
  ["/account?back=//evil.example", undefined],
])("%s is a page of ours", (next, way) => {
  expect(wayOf(next)).toBe(way ?? next);
});

test.each([
  null,
  "",
  "//evil.example",
  "///evil.example",
  "/..//evil.example",
  "/a/..//evil.example",
  "/.//evil.example",
  "/%2e%2e//evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  "/\r\nSet-Cookie: a=b",
  "https:evil.example",
  "https://evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  "evil.example",
  "@evil.example",
])("%j leads to the first page", (next) => {
  expect(wayOf(next)).toBe("/");
});
