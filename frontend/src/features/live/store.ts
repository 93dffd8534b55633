/** LiveStore: how the live feed stands and what it last counted, for the parts of the page. */
import type { Connection } from "../../api/live";
import type { Alert, Counters } from "../../api/types";

// Two minutes at one a second: the length of the sparkline.
const HISTORY_COUNT_MAX = 120;

export interface LiveState {
  connection: Connection;
  counters: Counters | undefined;
  /** Transactions per second, oldest first. */
  rates: readonly number[];
  /** Open alerts that arrived while the page was open, and the last of them. */
  alertCount: number;
  lastAlert: Alert | undefined;
}

export class LiveStore {
  #state: LiveState = {
    connection: { phase: "closed" },
    counters: undefined,
    rates: [],
    alertCount: 0,
    lastAlert: undefined,
  };
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): LiveState => this.#state;

  readonly setConnection = (connection: Connection): void => {
    this.#become({ ...this.#state, connection });
  };

  count(counters: Counters): void {
    const rates = [...this.#state.rates, counters.rate_per_second].slice(-HISTORY_COUNT_MAX);
    this.#become({ ...this.#state, counters, rates });
  }

  raise(alerts: readonly Alert[]): void {
    // Later versions are what colleagues did to alerts that are known.
    const open = alerts.filter((alert) => alert.status === "open" && alert.version === 1);
    const lastAlert = open.at(-1);
    if (lastAlert) {
      this.#become({ ...this.#state, alertCount: this.#state.alertCount + open.length, lastAlert });
    }
  }

  #become(state: LiveState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
