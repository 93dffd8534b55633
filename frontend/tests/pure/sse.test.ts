/** The stream is understood however the network cuts it. */
import { expect, it } from "vitest";
import { EVENT_LENGTH_MAX, EventParser, StreamBroken } from "../../src/api/sse";

const STREAM =
  '\ufeff: heartbeat\n\nid: 7-0\nevent: transaction\ndata: {"a":1}\n\n' +
  "event: alert\r\ndata: one\r\ndata:two\r\n\r\nid:8-0\rdata: last\r\rdata: unfinished";
const EVENTS = [
  { event: "transaction", data: '{"a":1}', id: "7-0" },
  { event: "alert", data: "one\ntwo", id: "7-0" },
  { event: "message", data: "last", id: "8-0" },
];

it("reads events, comments, line ends and ids", () => {
  expect(new EventParser().push(STREAM)).toEqual(EVENTS);
});

it("does not care where it is cut", () => {
  for (let size = 1; size < 12; size += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) {
      found.push(...parser.push(STREAM.slice(at, at + size)));
    }
    expect(found).toEqual(EVENTS);
  }
});

it("drops an event without data, and an id with NUL", () => {
  expect(new EventParser().push("event: x\n\nid: a\0b\ndata: 1\n\n")).toEqual([
    { event: "message", data: "1", id: "" },
  ]);
});

it("gives up on a line or an event without end", () => {
  expect(() => new EventParser().push("x".repeat(EVENT_LENGTH_MAX + 1))).toThrow(StreamBroken);
  const parser = new EventParser();
  const line = `data: ${"x".repeat(100_000)}\n`;
  expect(() => Array.from({ length: 12 }, () => parser.push(line))).toThrow(StreamBroken);
});
