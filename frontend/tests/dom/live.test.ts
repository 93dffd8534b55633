/** The live feed comes back by itself, goes on where it was, and never hammers the gateway. */
import { beforeEach, expect, it, vi } from "vitest";
import { type Connection, type LiveEvent, LiveFeed } from "../../src/api/live";
import { SignedOut } from "../../src/api/problem";

type Answer = () => Promise<Response>;

let answers: Answer[];
let requests: Request[];
let events: LiveEvent[];
let phases: Connection[];
let feed: LiveFeed;

function stream(text: string, isLeftOpen = false): Answer {
  return async () =>
    new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(text));
          if (!isLeftOpen) {
            controller.close();
          }
        },
      }),
    );
}

const away: Answer = () => Promise.reject(new TypeError("Failed to fetch"));

beforeEach(() => {
  vi.useFakeTimers();
  [answers, requests, events, phases] = [[], [], [], []];
  feed = new LiveFeed({
    open: (request) => {
      requests.push(request);
      return (answers.shift() ?? away)();
    },
    onEvent: (event) => events.push(event),
    onConnection: (connection) => phases.push(connection),
    now: () => Date.now(),
    random: () => 0.5,
  });
});

it("delivers known events, cleaned, and skips what it does not understand", async () => {
  answers = [
    stream(
      'event: hello\ndata: {"at":"2026-11-24T12:00:00Z","resumed":false}\n\n' +
        'event: gap\ndata: {"reason":"x\\u202ey"}\n\nevent: gap\ndata: {broken\n\nevent: later\ndata: {}\n\n',
      true,
    ),
  ];
  feed.start();
  await vi.waitFor(() => expect(events).toHaveLength(2));
  expect(events[1]).toEqual({ kind: "gap", value: { reason: "x\uFFFDy" } });
  expect(phases.map((connection) => connection.phase)).toEqual(["connecting", "live"]);
  feed.stop();
});

it("goes on after the last event it saw", async () => {
  answers = [
    stream('id: 41-0\nevent: gap\ndata: {"reason":"a"}\n\n'),
    stream('id: 42-0\nevent: gap\ndata: {"reason":"b"}\n\n', true),
  ];
  feed.start();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(requests.map((request) => request.headers.get("Last-Event-ID"))).toEqual([null, "41-0"]);
  expect(events).toHaveLength(2);
  feed.stop();
});

it("waits 1, 2, 4 … 30 s while the gateway is away, and not at all when asked", async () => {
  feed.start();
  await vi.advanceTimersByTimeAsync(0);
  const waits = [1, 2, 4, 8, 16, 30, 30];
  for (const [index, seconds] of waits.entries()) {
    expect(requests).toHaveLength(index + 1);
    await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
    expect(requests).toHaveLength(index + 1);
    await vi.advanceTimersByTimeAsync(1);
  }
  feed.retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(requests).toHaveLength(waits.length + 2);
  feed.stop();
});

it("waits as long as the gateway asks", async () => {
  answers = [async () => new Response(null, { status: 429, headers: { "Retry-After": "9" } })];
  feed.start();
  await vi.advanceTimersByTimeAsync(8_900);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(requests).toHaveLength(2);
  feed.stop();
});

it("takes a silent line for dead", async () => {
  answers = [
    (request = requests.at(-1)) =>
      stream(": hi\n\n", true)().then((response) => {
        request?.signal.addEventListener(
          "abort",
          () => void response.body?.cancel().catch(() => 0),
        );
        return response;
      }),
  ];
  feed.start();
  await vi.advanceTimersByTimeAsync(24_000);
  expect(phases.at(-1)?.phase).toBe("live");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(requests[0]?.signal.aborted).toBe(true);
  feed.stop();
});

it.each([
  ["the session has ended", () => Promise.reject(new SignedOut())],
  ["it is not allowed", async () => new Response(null, { status: 403 })],
])("stops when %s", async (_, answer) => {
  answers = [answer];
  feed.start();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(requests).toHaveLength(1);
  expect(phases.at(-1)?.phase).toBe("refused");
});

it("says nothing more once it is stopped", async () => {
  feed.start();
  await vi.advanceTimersByTimeAsync(0);
  feed.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(requests).toHaveLength(1);
  expect(phases.at(-1)).toEqual({ phase: "closed" });
});
