/** Batch: gathers news for a moment, so that a burst is one change on the screen and not hundreds. */
export class Batch<T> {
  readonly #items: T[] = [];
  readonly #flush: (items: T[]) => void;
  readonly #everyMs: number;

  constructor(flush: (items: T[]) => void, everyMs: number) {
    this.#flush = flush;
    this.#everyMs = everyMs;
  }

  push(item: T): void {
    if (this.#items.push(item) === 1) {
      setTimeout(() => this.#flush(this.#items.splice(0)), this.#everyMs);
    }
  }
}
