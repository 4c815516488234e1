// Expiry, amortised: control looks at a part of the entries at a time.
import {
  ENTRY_FLAGS,
  ENTRY_LAST_SEEN,
  ENTRY_STATE,
  FLAG_CLIENT_FIN,
  FLAG_SERVER_FIN,
  RECORD_DEADLINE,
  RECORD_TERMINAL,
  STATE_CLOSED,
  STATE_FORWARD,
  STATE_RELEASING,
  STATE_REQUESTS,
} from '../layout';
import { Atomic } from './atomic';
import { BucketLock, CONTROL_TRIES } from './bucket-lock';
import { Pool } from './pool';
import { State } from './state';
import { Table } from './table';

const MS_PER_SECOND: f64 = 1000;
/**
 * A connection that one side has ended is idle after this: kernels wait no longer for the other's FIN
 * (tcp_fin_timeout), and then forget it without a word.
 */
const HALF_CLOSED_MS: f64 = 60000;

export class Sweep {
  /**
   * Removes what is CLOSED, past its deadline and reported; lists the indexes of what control must
   * look at. Ends early when the list is full. Returns the length of the list.
   */
  static run(
    owner: u32,
    from: u32,
    end: u32,
    nowMs: f64,
    idleTimeoutMs: f64,
    list: usize,
    limit: u32,
  ): u32 {
    let listed: u32 = 0;
    for (let index = from; index < end && listed < limit; ++index) {
      const entry = Pool.entry(index);
      const state = Atomic.load(entry + ENTRY_STATE);
      if (!State.isLinked(state) || !Sweep.isDue(entry, state, nowMs, idleTimeoutMs)) continue;
      if (Sweep.isOver(entry)) {
        Sweep.removeOver(owner, entry, nowMs);
      } else {
        store<u32>(list + listed * sizeof<u32>(), index);
        ++listed;
      }
    }
    return listed;
  }

  /** Removes what is CLOSED, reported, and past its deadline at `beforeMs`. How many. */
  static reclaim(owner: u32, from: u32, end: u32, beforeMs: f64): u32 {
    let removed: u32 = 0;
    for (let index = from; index < end; ++index) {
      const entry = Pool.entry(index);
      if (!Sweep.isOver(entry) || !Sweep.isDue(entry, STATE_CLOSED, beforeMs, 0)) continue;
      removed += u32(Sweep.removeOver(owner, entry, beforeMs));
    }
    return removed;
  }

  @inline
  private static isDue(entry: usize, state: u32, nowMs: f64, idleTimeoutMs: f64): bool {
    if (state == STATE_RELEASING) return false; // ends by a message, not by time
    if (state == STATE_FORWARD || state == STATE_REQUESTS) {
      const seenMs = <f64>load<u32>(entry, ENTRY_LAST_SEEN) * MS_PER_SECOND;
      const ends = load<u32>(entry, ENTRY_FLAGS) & (FLAG_CLIENT_FIN | FLAG_SERVER_FIN);
      return nowMs - seenMs > (ends == 0 ? idleTimeoutMs : min(idleTimeoutMs, HALF_CLOSED_MS));
    }
    return load<f64>(Pool.record(entry), RECORD_DEADLINE) < nowMs;
  }

  @inline
  private static isOver(entry: usize): bool {
    if (State.of(entry) != STATE_CLOSED) return false;
    return Atomic.load(Pool.record(entry) + RECORD_TERMINAL) == 0;
  }

  private static removeOver(owner: u32, entry: usize, nowMs: f64): bool {
    const bucket = Table.lock(owner, entry, CONTROL_TRIES);
    if (bucket == 0) return false;
    const removes = Sweep.isOver(entry) && Sweep.isDue(entry, STATE_CLOSED, nowMs, 0);
    if (removes) Table.takeOut(owner, bucket, entry);
    BucketLock.release(bucket);
    if (removes) Pool.release(owner, entry);
    return removes;
  }
}
