/**
 * Submission: one intent to move money, entered once however often it is sent.
 *
 * The Idempotency-Key is made with the intent and stays with it over every retry. An answer ends the
 * intent. No answer (the network, a time limit, a failing gateway) means that nobody knows whether it
 * was taken: then the same request is sent again with the same key until somebody answers, which
 * cannot enter it twice. What has no answer yet survives a reload of the page.
 */
import { Refusal, SignedOut } from "../../api/problem";
import type { NewTransaction, Transaction } from "../../api/types";

export interface Accepted {
  transaction: Transaction;
  /** The gateway had taken it before. */
  wasReplayed: boolean;
}

export type SubmissionState =
  | {
      step: "editing";
      refusal: Refusal | undefined;
      hasGivenUp: boolean;
      /** What was sent and not taken: nobody should have to type it again. */
      draft: NewTransaction | undefined;
    }
  | { step: "sending"; body: NewTransaction }
  | {
      step: "checking";
      body: NewTransaction;
      attempt: number;
      retryAtMs: number;
      isAsking: boolean;
    }
  | ({ step: "accepted" } & Accepted);

export interface SubmissionParts {
  post: (body: NewTransaction, key: string) => Promise<Accepted>;
  newKey: () => string;
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Whose intents are taken up again after a reload. */
  userId: string;
  now: () => number;
}

interface Unanswered {
  userId: string;
  key: string;
  body: NewTransaction;
}

const BEGINNING = {
  step: "editing",
  refusal: undefined,
  hasGivenUp: false,
  draft: undefined,
} as const;
const STORED = "aether.unanswered";
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 30_000;

export class Submission {
  #state: SubmissionState = BEGINNING;
  #key: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Answers of an intent that was given up or left behind change nothing any more. */
  #round = 0;
  readonly #listeners = new Set<() => void>();
  readonly #parts: SubmissionParts;

  constructor(parts: SubmissionParts) {
    this.#parts = parts;
    this.#key = parts.newKey();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SubmissionState => this.#state;

  /** Takes up what had no answer when the page was left. */
  resume(): void {
    const stored = this.#stored();
    if (stored && this.#state.step !== "accepted") {
      this.#key = stored.key;
      void this.#check(stored.body, 1);
    }
  }

  /** Stops asking; what has no answer stays stored. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#round += 1;
  }

  /** Sends it; while one is under way, a second click does nothing. */
  async submit(body: NewTransaction): Promise<void> {
    if (this.#state.step !== "editing") {
      return;
    }
    this.#parts.storage.setItem(
      STORED,
      JSON.stringify({ userId: this.#parts.userId, key: this.#key, body } satisfies Unanswered),
    );
    this.#become({ step: "sending", body });
    await this.#send(body, 0);
  }

  /** Does not wait for the countdown. */
  checkNow(): void {
    if (this.#state.step === "checking" && !this.#state.isAsking) {
      clearTimeout(this.#timer);
      void this.#check(this.#state.body, this.#state.attempt);
    }
  }

  /** Gives up asking: it may have been taken all the same. */
  giveUp(): void {
    if (this.#state.step === "checking") {
      this.#begin(true);
    }
  }

  /** The next intent, with a key of its own. */
  startOver(): void {
    this.#begin(false);
  }

  #begin(hasGivenUp: boolean): void {
    this.leave();
    this.#forget();
    this.#key = this.#parts.newKey();
    this.#become({ ...BEGINNING, hasGivenUp });
  }

  async #check(body: NewTransaction, attempt: number): Promise<void> {
    this.#become({ step: "checking", body, attempt, retryAtMs: this.#parts.now(), isAsking: true });
    await this.#send(body, attempt);
  }

  async #send(body: NewTransaction, attempt: number): Promise<void> {
    const round = this.#round;
    try {
      const accepted = await this.#parts.post(body, this.#key);
      if (round === this.#round) {
        this.#forget();
        this.#become({ step: "accepted", ...accepted });
      }
    } catch (error) {
      if (round === this.#round) {
        this.#failed(error, body, attempt);
      }
    }
  }

  #failed(error: unknown, body: NewTransaction, attempt: number): void {
    if (error instanceof SignedOut) {
      // Whoever signs in again finds it stored, and it is asked for with its key.
      return;
    }
    if (error instanceof Refusal && error.status < 500 && error.status !== 408) {
      this.#forget();
      this.#become({ ...BEGINNING, refusal: error, draft: body });
      return;
    }
    const asked = error instanceof Refusal ? (error.retryAfterS ?? 0) * 1_000 : 0;
    const pause = Math.max(
      asked,
      Math.min(PAUSE_FIRST_MS * 2 ** Math.min(attempt, 10), PAUSE_MAX_MS),
    );
    this.#become({
      step: "checking",
      body,
      attempt: attempt + 1,
      retryAtMs: this.#parts.now() + pause,
      isAsking: false,
    });
    this.#timer = setTimeout(() => void this.#check(body, attempt + 1), pause);
  }

  #stored(): Unanswered | undefined {
    try {
      const stored = JSON.parse(this.#parts.storage.getItem(STORED) ?? "null") as Unanswered | null;
      return stored?.userId === this.#parts.userId ? stored : undefined;
    } catch {
      return undefined;
    }
  }

  #forget(): void {
    this.#parts.storage.removeItem(STORED);
  }

  #become(state: SubmissionState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
