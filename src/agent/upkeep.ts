import * as L from '../../assembly/layout.ts';
import { SWEEP_ENTRIES, TableWalk } from '../table-walk.ts';
import type { Drains } from './drains.ts';
import type { Entries } from './entries.ts';
import type { AgentFigures } from './figures.ts';
import type { Probes } from './probe.ts';

/** A whole sweep takes so many calls. */
const PARTS = 16;

/** What must be done about a connection that nobody else looks after. */
export interface Overdue {
  entry: number;
  action: 'probe' | 'gone' | 'tell' | 'forget';
}

export interface UpkeepParts {
  entries: Entries;
  figures: Pick<AgentFigures, 'closedEvicted'>;
  timing: { idleTimeoutMs: number; lingerMs: number };
}

/** Goes through all entries little by little, and finds those that events did not tell of. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #entries: Entries;
  readonly #drains: Drains;
  readonly #probes: Probes;
  readonly #walk: TableWalk;

  constructor(parts: UpkeepParts, drains: Drains, probes: Probes) {
    this.#parts = parts;
    this.#entries = parts.entries;
    this.#drains = drains;
    this.#probes = probes;
    this.#walk = new TableWalk(parts.entries.connections.entryCount, SWEEP_ENTRIES);
  }

  /** The next part. `isWatched`: something under way has a deadline of its own for that entry. */
  part(nowMs: number, isWatched: (entry: number) => boolean): Overdue[] {
    const part = Math.ceil(this.#entries.connections.entryCount / PARTS);
    const { idleTimeoutMs, lingerMs } = this.#parts.timing;
    const overdue: Overdue[] = [];
    for (const { from, count } of this.#walk.part(part)) {
      for (const entry of this.#entries.sweep(from, count, nowMs, idleTimeoutMs)) {
        const action = isWatched(entry) ? null : this.#action(entry, nowMs);
        if (action) overdue.push({ entry, action });
      }
    }
    const { reserve } = this.#entries;
    reserve.time(nowMs, lingerMs);
    this.#parts.figures.closedEvicted = reserve.evicted;
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
    return overdueMs > this.#parts.timing.idleTimeoutMs ? 'forget' : 'tell';
  }
}
