import * as L from '../../assembly/layout.ts';
import type { Drains } from './drains.ts';
import type { Entries } from './entries.ts';
import type { Probes } from './probe.ts';

/** A whole sweep takes so many calls. */
const PARTS = 16;

/** What must be done about a connection that nobody else looks after. */
export interface Overdue {
  entry: number;
  action: 'probe' | 'gone' | 'tell' | 'forget';
}

/** Goes through all entries little by little, and finds those that events did not tell of. */
export class Upkeep {
  readonly #entries: Entries;
  readonly #drains: Drains;
  readonly #probes: Probes;
  readonly #idleTimeoutMs: number;
  #from = 0;

  constructor(entries: Entries, drains: Drains, probes: Probes, idleTimeoutMs: number) {
    this.#entries = entries;
    this.#drains = drains;
    this.#probes = probes;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /** The next part. `isWatched`: something under way has a deadline of its own for that entry. */
  part(nowMs: number, isWatched: (entry: number) => boolean): Overdue[] {
    const { entryCount } = this.#entries.connections;
    const overdue: Overdue[] = [];
    for (let left = Math.ceil(entryCount / PARTS); left > 0;) {
      // never more than the list holds, so that nothing is left out
      const count = Math.min(left, L.CONTROL_LIST_LIMIT, entryCount - this.#from);
      for (const entry of this.#entries.sweep(this.#from, count, nowMs, this.#idleTimeoutMs)) {
        const action = isWatched(entry) ? null : this.#action(entry, nowMs);
        if (action) overdue.push({ entry, action });
      }
      this.#from = (this.#from + count) % entryCount;
      left -= count;
    }
    return overdue;
  }

  #action(entry: number, nowMs: number): Overdue['action'] | null {
    const { connections } = this.#entries;
    const state = connections.state(entry);
    if (state === L.STATE_FORWARD) {
      const found = this.#probes.idle(entry, nowMs);
      return found === 'wait' ? null : found;
    }
    if (state === L.STATE_REPLAYING) return 'gone';
    if (state === L.STATE_DRAINING) this.#drains.giveUpRest(entry, connections.id(entry));
    if (state !== L.STATE_CLOSED) return null;
    const overdueMs = nowMs - connections.recordMs(entry, L.RECORD_DEADLINE);
    return overdueMs > this.#idleTimeoutMs ? 'forget' : 'tell';
  }
}
