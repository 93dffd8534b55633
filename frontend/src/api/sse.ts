/**
 * Server-Sent Events: bytes of a stream → events (WHATWG HTML, section 9.2.6).
 *
 * `EventSource` cannot send an Authorization header, so the stream is read by `fetch` and parsed
 * here.
 */

export interface RawEvent {
  event: string;
  data: string;
  /** The stream's last event id when this event was sent; empty when none was. */
  id: string;
}

/** Longest line or event in characters; more than this is not our feed. */
export const EVENT_LENGTH_MAX = 1_000_000;

/** Thrown when the stream sends an event beyond all bounds. */
export class StreamBroken extends Error {
  override name = "StreamBroken";
}

export class EventParser {
  #rest = "";
  #isFirst = true;
  #lastId = "";
  #event = "";
  #data: string[] = [];
  #dataLength = 0;

  /** Takes the next piece of text, cut anywhere; returns the events that it completes. */
  push(piece: string): RawEvent[] {
    let text = this.#rest + piece;
    if (this.#isFirst && text !== "") {
      this.#isFirst = false;
      text = text.replace(/^\ufeff/, "");
    }
    const events: RawEvent[] = [];
    // A line ends in CRLF, LF or CR; a CR at the very end may be half of a CRLF, so it waits.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > EVENT_LENGTH_MAX) {
      throw new StreamBroken("line too long");
    }
    for (const line of lines) {
      const event = this.#take(line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  #take(line: string): RawEvent | undefined {
    if (line === "") {
      return this.#dispatch();
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") {
      this.#event = value;
    } else if (name === "data") {
      this.#dataLength += value.length + 1;
      if (this.#dataLength > EVENT_LENGTH_MAX) {
        throw new StreamBroken("event too long");
      }
      this.#data.push(value);
    } else if (name === "id" && !value.includes("\0")) {
      this.#lastId = value;
    }
    return undefined;
  }

  #dispatch(): RawEvent | undefined {
    const event = this.#event || "message";
    const data = this.#data.length > 0 ? this.#data.join("\n") : undefined;
    this.#event = "";
    this.#data = [];
    this.#dataLength = 0;
    return data === undefined ? undefined : { event, data, id: this.#lastId };
  }
}
