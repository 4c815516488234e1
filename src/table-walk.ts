/**
 * Entries that one sweeping call looks at: when all are over it takes less than 100 us. Never more than the
 * list holds (CONTROL_LIST_LIMIT), so that nothing is left out.
 */
export const SWEEP_ENTRIES = 64;

/** Goes round and round a table, a part at each tick: the next part begins where the last one ended. */
export class TableWalk {
  readonly #entryCount: number;
  readonly #most: number;
  #from = 0;

  /** `most`: entries that one call into the core may look at. */
  constructor(entryCount: number, most: number) {
    this.#entryCount = entryCount;
    this.#most = most;
  }

  /** The next `entries` of the table, each at most once, as ranges. */
  *part(entries: number): Generator<{ from: number; count: number }> {
    for (let left = Math.min(entries, this.#entryCount); left > 0;) {
      const from = this.#from;
      const count = Math.min(left, this.#most, this.#entryCount - from);
      this.#from = (from + count) % this.#entryCount;
      left -= count;
      yield { from, count };
    }
  }
}
