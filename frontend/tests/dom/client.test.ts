/** Answers become values or errors; the next page is found wherever the header puts it. */
import { describe, expect, it } from "vitest";
import { bodyOf, nextQueryOf, pageOf } from "../../src/api/client";
import { isPassing, Refusal, sentenceOf, Unreachable } from "../../src/api/problem";

describe("the next page", () => {
  it.each([
    [null, undefined],
    ["", undefined],
    ['</transactions/?cursor=abc&limit=50>; rel="next"', "abc"],
    ["</transactions/?cursor=a%2Bb>; rel=next", "a+b"],
    ['<https://other.example/x?cursor=1>; rel="prev", </transactions/?cursor=2>; rel="next"', "2"],
    ['</transactions/?cursor=3>; title="x"; rel="next last"', "3"],
    ['</transactions/?cursor=4>; rel="nextish"', undefined],
  ])("of %j is %j", (link, cursor) => {
    expect(nextQueryOf(link)?.get("cursor")).toBe(cursor);
  });
});

it("cleans what it returns, and leads to the next page with the same filters", () => {
  const link = '</x?since=2026-11-24T14%3A00%3A00Z&limit=50&cursor=c>; rel="next"';
  const response = new Response(null, { headers: { Link: link } });
  expect(pageOf({ data: [{ merchant: "a\u202Eb" }], response })).toEqual({
    items: [{ merchant: "a\uFFFDb" }],
    nextCursor: "c",
    nextQuery: "since=2026-11-24T14%3A00%3A00Z&cursor=c",
  });
});

describe("a refusal", () => {
  const details = {
    type: "/problems/invalid-amount",
    title: "The amount is not valid",
    detail: "Two fields are wrong.",
    request_id: "req-1",
    errors: [{ field: "amount", detail: "Too much." }, { nonsense: 1 }],
  };

  it("carries its fields, its request and its wait", () => {
    const response = new Response(null, { status: 429, headers: { "Retry-After": "7" } });
    let caught: unknown;
    try {
      bodyOf({ error: details, response });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Refusal);
    expect(caught).toMatchObject({
      status: 429,
      type: "/problems/invalid-amount",
      requestId: "req-1",
      retryAfterS: 7,
      fields: [{ field: "amount", detail: "Too much." }],
    });
    expect(sentenceOf(caught)).toBe("Two fields are wrong. (amount: Too much.) Try again in 7 s.");
  });

  it("is one also when a proxy answers with something else", () => {
    const refusal = new Refusal(new Response(null, { status: 502 }), "<html>Bad gateway</html>");
    expect(refusal.message).toBe("The gateway answered 502.");
    expect(isPassing(refusal)).toBe(true);
    expect(isPassing(new Unreachable())).toBe(true);
    expect(isPassing(new Refusal(new Response(null, { status: 404 }), details))).toBe(false);
  });
});
