import * as L from '../../assembly/layout.ts';
import { advance } from '../packet/sequence.ts';
import { sameId } from '../tuple.ts';
import type { Entries } from './entries.ts';
import { probeSegment } from './segments.ts';

/** Unanswered probes after which a connection counts as gone. */
const PROBE_LIMIT = 3;
const PROBE_INTERVAL_MS = 1000;
/** What was not reported for so long has been answered. */
const FORGET_MS = 60_000;

interface Probed {
  run: number;
  counter: number;
  /** second in which the connection was seen last */
  seen: number;
  count: number;
  lastMs: number;
}

/**
 * Asks the server's kernel whether a connection still lives. The answer passes the fast path like any
 * other packet: an ACK makes the entry seen again, a RST closes it.
 */
export class Probes {
  readonly #entries: Entries;
  readonly #probed = new Map<number, Probed>();

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** The packet that asks; its answer's number fits what the client acknowledged last. */
  packet(entry: number): Uint8Array {
    const { connections } = this.#entries;
    const delta = connections.entry32(entry, L.ENTRY_SEQUENCE_DELTA);
    const acknowledged = advance(connections.record32(entry, L.RECORD_CLIENT_ACK), delta);
    const isn = connections.record32(entry, L.RECORD_CLIENT_ISN);
    return probeSegment(this.#entries.ends(entry), isn, acknowledged, false);
  }

  /** What to do about an entry that a sweep reported as idle. */
  idle(entry: number, nowMs: number): 'probe' | 'wait' | 'gone' {
    const { connections } = this.#entries;
    const id = connections.id(entry);
    const seen = connections.entry32(entry, L.ENTRY_LAST_SEEN);
    const known = this.#probed.get(entry);
    const same = known && sameId(known, id);
    // an answer to the last probe is a packet that was seen
    if (!same || known.seen !== seen) {
      this.#probed.set(entry, { ...id, seen, count: 1, lastMs: nowMs });
      return 'probe';
    }
    if (nowMs - known.lastMs < PROBE_INTERVAL_MS) return 'wait';
    if (known.count >= PROBE_LIMIT) {
      this.#probed.delete(entry);
      return 'gone';
    }
    known.count += 1;
    known.lastMs = nowMs;
    return 'probe';
  }

  /** Forgets what was answered. */
  time(nowMs: number): void {
    for (const [entry, probed] of this.#probed) {
      if (nowMs - probed.lastMs > FORGET_MS) this.#probed.delete(entry);
    }
  }
}
