/** One intent is entered once: double clicks, lost answers, reloads and failing gateways included. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Refusal, SignedOut, Unreachable } from "../../src/api/problem";
import type { NewTransaction } from "../../src/api/types";
import { type Accepted, Submission } from "../../src/features/submission/submission";
import { transaction } from "../values";

const BODY: NewTransaction = { amount: "12.34", currency: "EUR", merchant: "Corner Bakery" };

let sent: { body: NewTransaction; key: string }[];
let answers: (() => Promise<Accepted>)[];
let keys: number;

const taken =
  (wasReplayed = false) =>
  async () => ({ transaction: transaction(1), wasReplayed });
const lost = () => Promise.reject(new Unreachable());
const refused = (status: number, retryAfter?: string) => () =>
  Promise.reject(
    new Refusal(
      new Response(null, { status, ...(retryAfter && { headers: { "Retry-After": retryAfter } }) }),
      { detail: "No." },
    ),
  );

function open(userId = "u1"): Submission {
  return new Submission({
    userId,
    storage: sessionStorage,
    newKey: () => `key-${++keys}`,
    now: () => Date.now(),
    post: (body, key) => {
      sent.push({ body, key });
      return (answers.shift() ?? lost)();
    },
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  [sent, answers, keys] = [[], [], 0];
});

it("is sent once by two clicks", async () => {
  const submission = open();
  answers = [taken()];
  await Promise.all([submission.submit(BODY), submission.submit(BODY)]);
  await submission.submit(BODY);
  expect(sent).toHaveLength(1);
  expect(submission.state()).toMatchObject({ step: "accepted", wasReplayed: false });
});

it("asks again with the same key until there is an answer", async () => {
  const submission = open();
  answers = [lost, refused(502), lost, taken(true)];
  await submission.submit(BODY);
  expect(submission.state()).toMatchObject({ step: "checking", attempt: 1 });
  await vi.advanceTimersByTimeAsync(1_000 + 2_000 + 4_000);
  expect(sent.map((request) => request.key)).toEqual(["key-1", "key-1", "key-1", "key-1"]);
  expect(new Set(sent.map((request) => request.body))).toEqual(new Set([BODY]));
  expect(submission.state()).toMatchObject({ step: "accepted", wasReplayed: true });
  expect(sessionStorage).toHaveLength(0);
});

it("waits as long as a busy gateway asks", async () => {
  const submission = open();
  answers = [refused(503, "20"), taken()];
  await submission.submit(BODY);
  await vi.advanceTimersByTimeAsync(19_000);
  expect(sent).toHaveLength(1);
  submission.checkNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(submission.state().step).toBe("accepted");
});

describe("a refusal", () => {
  it("ends the intent and keeps what was typed", async () => {
    const submission = open();
    answers = [refused(422), taken()];
    await submission.submit(BODY);
    expect(submission.state()).toMatchObject({
      step: "editing",
      draft: BODY,
      refusal: { status: 422 },
    });
    expect(sessionStorage).toHaveLength(0);
    await submission.submit({ ...BODY, amount: "12.00" });
    expect(submission.state().step).toBe("accepted");
  });
});

describe("a page that is left", () => {
  it("goes on asking with the same key when it is opened again", async () => {
    const before = open();
    await before.submit(BODY);
    before.leave();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toHaveLength(1);
    const after = open();
    answers = [taken(true)];
    after.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.map((request) => request.key)).toEqual(["key-1", "key-1"]);
    expect(after.state()).toMatchObject({ step: "accepted", wasReplayed: true });
  });

  it("leaves nothing for somebody else", async () => {
    const before = open("u1");
    await before.submit(BODY);
    before.leave();
    const other = open("u2");
    other.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toHaveLength(1);
    expect(other.state().step).toBe("editing");
  });

  it("survives a sign-in in between", async () => {
    const before = open();
    answers = [() => Promise.reject(new SignedOut()), taken()];
    await before.submit(BODY);
    const after = open();
    after.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(after.state().step).toBe("accepted");
    expect(sent[1]?.key).toBe(sent[0]?.key);
  });

  it("is not confused by what another tool has stored", () => {
    sessionStorage.setItem("aether.unanswered", "{broken");
    const submission = open();
    submission.resume();
    expect(submission.state().step).toBe("editing");
  });
});

it("takes a new key for the next intent, also after giving up", async () => {
  const submission = open();
  await submission.submit(BODY);
  submission.giveUp();
  expect(submission.state()).toMatchObject({ step: "editing", hasGivenUp: true });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toHaveLength(1);
  answers = [taken()];
  await submission.submit(BODY);
  submission.startOver();
  expect(submission.state()).toMatchObject({ step: "editing", hasGivenUp: false });
  expect(sent.map((request) => request.key)).toEqual(["key-1", "key-2"]);
});
