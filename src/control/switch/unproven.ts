import * as L from '../../../assembly/layout.ts';
import type { HandoffId } from '../../channel/messages.ts';
import type { SwitchState } from '../state.ts';
import { endEntry } from './close.ts';

/** A kernel repeats its SYN-ACK after 1 and 3 s; who has not answered by then comes back with a cookie. */
const PROOF_MS = 5000;

interface Given {
  id: HandoffId;
  sinceMs: number;
}

/**
 * Connections that servers have by their SYN alone, oldest first. Those that are proven meanwhile are
 * found out when their turn comes: the fast path tells nobody. A client that is there after all when its
 * server has forgotten it has a good cookie: its SYN-ACK's number.
 */
export class Unproven {
  private readonly given = new Map<number, Given>();
  private readonly words: Int32Array;

  constructor(memory: ArrayBufferLike) {
    this.words = new Int32Array(memory);
  }

  /** A SYN that a worker counted has come; from here on its entry counts, if it has become one. */
  arrived(): void {
    Atomics.sub(this.words, L.HEADER_UNPROVEN_COUNT >>> 2, 1);
  }

  add(entry: number, id: HandoffId, nowMs: number): void {
    this.given.delete(entry);
    this.given.set(entry, { id, sinceMs: nowMs });
  }

  /** Takes back what was not proven in time. */
  time(state: SwitchState, nowMs: number): void {
    for (const [entry, { id, sinceMs }] of this.given) {
      if (isUnproven(state, entry, id)) {
        if (nowMs - sinceMs < PROOF_MS) return;
        state.figures.unprovenExpired += 1;
        endEntry(state, entry, nowMs);
      }
      this.given.delete(entry);
    }
  }

  /** The table is full: the oldest gives way. False: there is none that is so old (ms). */
  evict(state: SwitchState, nowMs: number, ageMs = 0): boolean {
    for (const [entry, { id, sinceMs }] of this.given) {
      const counts = isUnproven(state, entry, id);
      if (counts && nowMs - sinceMs < ageMs) return false;
      this.given.delete(entry);
      if (!counts) continue;
      state.figures.unprovenEvicted += 1;
      endEntry(state, entry, nowMs);
      return true;
    }
    return false;
  }
}

function isUnproven(state: SwitchState, entry: number, id: HandoffId): boolean {
  const { connections } = state;
  return connections.state(entry) === L.STATE_UNPROVEN && connections.hasId(entry, id);
}
