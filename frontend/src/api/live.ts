/**
 * Live feed: keeps the page's one connection to `GET /events` alive.
 *
 * In:   the stream of the gateway.
 * Out:  its events, once each, and word of how the connection stands.
 * A broken connection is tried again after 1, 2, 4 … 30 s with jitter, or at once when asked; it goes
 * on after the last event seen (`Last-Event-ID`), so nothing is shown twice and a gap is told.
 */
import { cleanAll } from "../clean";
import { SignedOut } from "./problem";
import { EventParser, type RawEvent } from "./sse";
import type { Alert, Counters, Gap, Hello, Transaction } from "./types";

/** Every kind of news, by its name on the wire. */
export interface News {
  hello: Hello;
  transaction: Transaction;
  alert: Alert;
  counters: Counters;
  gap: Gap;
}

export type LiveEvent = { [K in keyof News]: { kind: K; value: News[K] } }[keyof News];

/** Instants are those of the feed's clock, in milliseconds. */
export type Connection =
  | { phase: "closed" }
  | { phase: "connecting" }
  | { phase: "live" }
  | { phase: "waiting"; attempt: number; retryAtMs: number; reason: string }
  | { phase: "refused"; reason: string };

export interface LiveFeedParts {
  /** Sends a request with the session's token, and renews it when it was refused. */
  open: (request: Request) => Promise<Response>;
  onEvent: (event: LiveEvent) => void;
  onConnection: (connection: Connection) => void;
  now: () => number;
  random: () => number;
}

// The gateway sends a heartbeat every 10 s: two missing ones mean that the line is dead.
const SILENCE_MAX_MS = 25_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
// Apart by up to a fifth, so that pages do not come back in one wave after a restart.
const JITTER = 0.2;
const KINDS: ReadonlySet<string> = new Set(["hello", "transaction", "alert", "counters", "gap"]);

export class LiveFeed {
  /** When anything, a heartbeat included, was last heard. */
  heardAtMs: number | undefined;
  #lastEventId = "";
  #running: AbortController | undefined;
  #skipWait: (() => void) | undefined;
  readonly #parts: LiveFeedParts;

  constructor(parts: LiveFeedParts) {
    this.#parts = parts;
  }

  /** Follows the feed until `stop`; started again, it goes on where it was. */
  start(): void {
    if (!this.#running) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    }
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#parts.onConnection({ phase: "closed" });
  }

  /** Does not wait for the countdown. */
  retryNow(): void {
    this.#skipWait?.();
  }

  async #run(stopped: AbortSignal): Promise<void> {
    let attempt = 0;
    this.#parts.onConnection({ phase: "connecting" });
    while (!stopped.aborted) {
      const heardBefore = this.heardAtMs;
      const outcome = await this.#follow(stopped).catch((error: unknown) => outcomeOf(error));
      if (stopped.aborted) {
        return;
      }
      if (outcome.isFinal) {
        this.#parts.onConnection({ phase: "refused", reason: outcome.reason });
        return;
      }
      attempt = this.heardAtMs === heardBefore ? attempt + 1 : 1;
      await this.#wait(
        attempt,
        Math.max(outcome.waitMs, this.#pauseMs(attempt)),
        outcome.reason,
        stopped,
      );
    }
  }

  async #follow(stopped: AbortSignal): Promise<Outcome> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
    try {
      const headers = new Headers({ Accept: "text/event-stream" });
      if (this.#lastEventId) {
        headers.set("Last-Event-ID", this.#lastEventId);
      }
      const signal = AbortSignal.any([stopped, silence.signal]);
      const url = new URL("/events", location.origin);
      const response = await this.#parts.open(
        new Request(url, { headers, signal, cache: "no-store" }),
      );
      if (!response.ok || !response.body) {
        return refused(response);
      }
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let isFirst = true; ; isFirst = false) {
        const { done, value } = await reader.read();
        if (done) {
          return { isFinal: false, waitMs: 0, reason: "The gateway closed the live feed." };
        }
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
        this.heardAtMs = this.#parts.now();
        if (isFirst) {
          this.#parts.onConnection({ phase: "live" });
        }
        parser.push(value).forEach(this.#deliver, this);
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  #deliver(raw: RawEvent): void {
    this.#lastEventId = raw.id || this.#lastEventId;
    const event = decode(raw);
    if (event) {
      this.#parts.onEvent(event);
    }
  }

  #pauseMs(attempt: number): number {
    const pause = Math.min(RETRY_FIRST_MS * 2 ** Math.min(attempt - 1, 10), RETRY_MAX_MS);
    return pause * (1 + JITTER * (2 * this.#parts.random() - 1));
  }

  async #wait(attempt: number, ms: number, reason: string, stopped: AbortSignal): Promise<void> {
    this.#parts.onConnection({
      phase: "waiting",
      attempt,
      retryAtMs: this.#parts.now() + ms,
      reason,
    });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#skipWait = () => {
        clearTimeout(timer);
        resolve();
      };
      stopped.addEventListener("abort", this.#skipWait);
    });
    if (this.#skipWait) {
      stopped.removeEventListener("abort", this.#skipWait);
    }
    this.#skipWait = undefined;
    if (!stopped.aborted) {
      this.#parts.onConnection({ phase: "connecting" });
    }
  }
}

interface Outcome {
  isFinal: boolean;
  waitMs: number;
  reason: string;
}

function refused(response: Response): Outcome {
  const retryAfterS = Number(response.headers.get("retry-after") ?? 0);
  const waitMs = Number.isFinite(retryAfterS) ? retryAfterS * 1000 : 0;
  const isFinal = response.status === 403 || response.status === 404;
  return { isFinal, waitMs, reason: `The gateway answered ${response.status}.` };
}

function outcomeOf(error: unknown): Outcome {
  return error instanceof SignedOut
    ? { isFinal: true, waitMs: 0, reason: error.message }
    : { isFinal: false, waitMs: 0, reason: "The gateway cannot be reached." };
}

function decode(raw: RawEvent): LiveEvent | undefined {
  if (!KINDS.has(raw.event)) {
    return undefined;
  }
  try {
    return { kind: raw.event, value: cleanAll(JSON.parse(raw.data)) } as LiveEvent;
  } catch {
    return undefined;
  }
}
