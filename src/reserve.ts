import * as L from '../assembly/layout.ts';
import type { Connections } from './connections.ts';
import { TableWalk } from './table-walk.ts';

/** of the table, one in so many entries is kept free for new connections */
const SHARE = 16;
/** So long a connection stays closed even then: copies of its packets are on their way. */
const CLOSED_MS = 2000;
const FIRST_HORIZON_MS = 1000;
const FASTER = 4;
const SLOWER = 0.9;
/** Entries looked at in one tick. */
const PART = 1 << 18;

interface Reclaiming {
  reclaim(owner: number, from: number, count: number, beforeMs: number): number;
}

/**
 * Keeps a part of a table free: when it is nearly full, connections that are over and only linger go
 * before their time, those that would go soonest first.
 */
export class Reserve {
  readonly #core: Reclaiming;
  readonly #owner: number;
  readonly #connections: Connections;
  readonly #walk: TableWalk;
  /** Closed connections that would go within this time go now. */
  #horizonMs = 0;
  #isForced = false;
  /** closed connections that went before their time */
  evicted = 0;

  constructor(core: Reclaiming, owner: number, connections: Connections) {
    this.#core = core;
    this.#owner = owner;
    this.#connections = connections;
    this.#walk = new TableWalk(connections.entryCount, PART);
  }

  /** Fewer entries are free than should be. */
  isShort(): boolean {
    const free = this.#connections.view.getUint32(L.HEADER_FREE_COUNT, true);
    return free < Math.floor(this.#connections.entryCount / SHARE);
  }

  /** At every tick; `lingerMs`: how long closed connections stay when there is room. */
  time(nowMs: number, lingerMs: number): void {
    this.#isForced = false;
    if (!this.isShort()) {
      this.#horizonMs *= SLOWER;
      return;
    }
    const most = Math.max(0, lingerMs - CLOSED_MS);
    this.#horizonMs = Math.min(most, Math.max(FIRST_HORIZON_MS, this.#horizonMs * FASTER));
    this.#evict(nowMs + this.#horizonMs);
  }

  /** Nothing is free, before the next tick: whatever may go goes. True when something did. */
  force(nowMs: number, lingerMs: number): boolean {
    if (this.#isForced) return false;
    this.#isForced = true;
    const before = this.evicted;
    this.#evict(nowMs + Math.max(0, lingerMs - CLOSED_MS));
    return this.evicted > before;
  }

  #evict(beforeMs: number): void {
    for (const { from, count } of this.#walk.part(PART)) {
      this.evicted += this.#core.reclaim(this.#owner, from, count, beforeMs);
    }
  }
}
