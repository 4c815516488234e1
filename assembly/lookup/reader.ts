// Reading an entry while others may write: the hot part is copied, then the bucket's version is
// compared. Only a copy that no writer touched is used, so a half-written entry never reaches a
// packet, not even when its writer dies half-way. In `paper` mode the lock is taken instead, for
// every packet.
//
// The version is read again with an ordinary atomic load, which orders nothing before it on
// processors that move loads behind later ones (ARM): there the loads between must be atomic as
// well. x86 keeps the order of loads. A fence would do on both, and is a full barrier in V8: five
// times the cost of all this.
import {
  TUPLE_CLIENT_ADDRESS,
  TUPLE_CLIENT_PORT,
  TUPLE_FAMILY,
  TUPLE_LOCAL_ADDRESS,
} from '../calls';
import {
  ENTRY_CLIENT_PORT,
  ENTRY_FLAGS,
  ENTRY_HASH,
  FLAG_IPV6,
  VERSION_LOCKED,
  WORKER_OWNER,
} from '../layout';
import { COUNTER_LOCK_WAITS, COUNTER_LOOKUP_RETRIES } from '../verdict';
import { Counters } from '../counters';
import { Atomic } from './atomic';
import { BucketLock, WORKER_TRIES } from './bucket-lock';
import { Chain, KEY_LOCAL4, KEY_LOCAL6 } from './chain';
import { Hash } from './hash';
import { Pool } from './pool';
import { State } from './state';

/** In place of an entry's address: its bucket stayed locked. */
export const BUSY: usize = 1;

const VECTOR: usize = 16;

export class Reader {
  /**
   * Copies the hot part of a key's entry (64 bytes, all 128 of an IPv6 one) to `copy`. Returns the
   * entry's address, 0 when there is none, or BUSY.
   */
  @inline
  static find(
    kind: u32,
    worker: usize,
    hash: u32,
    client: usize,
    other: usize,
    ports: u32,
    copy: usize,
    paper: bool,
  ): usize {
    const bucket = Chain.bucket(hash);
    if (paper) return Reader.findLocked(kind, worker, bucket, client, other, ports, copy);
    let result: usize = BUSY;
    for (let left = WORKER_TRIES; left != 0; --left) {
      const version = Atomic.load(bucket);
      if ((version & VERSION_LOCKED) == 0) {
        const entry = Chain.find(kind, bucket, client, other, ports);
        if (entry != 0) Reader.copyHot(kind & 1, entry, copy);
        if (Atomic.load(bucket) == version) {
          result = entry;
          break;
        }
      }
      Counters.add(worker, COUNTER_LOOKUP_RETRIES, 1);
    }
    return result;
  }

  static findLocked(
    kind: u32,
    worker: usize,
    bucket: usize,
    client: usize,
    other: usize,
    ports: u32,
    copy: usize,
  ): usize {
    const owner = load<u32>(worker, WORKER_OWNER);
    if (!BucketLock.take(bucket, owner, 1)) {
      Counters.add(worker, COUNTER_LOCK_WAITS, 1);
      if (!BucketLock.take(bucket, owner, WORKER_TRIES)) return BUSY;
    }
    const entry = Chain.find(kind, bucket, client, other, ports);
    if (entry != 0) Reader.copyHot(kind & 1, entry, copy);
    BucketLock.release(bucket);
    return entry;
  }

  /**
   * Copies an entry that is named by its index. False: it is not linked, or its bucket stayed
   * locked.
   */
  static entry(entry: usize, copy: usize): bool {
    for (let left = WORKER_TRIES; left != 0; --left) {
      const bucket = Chain.bucket(load<u32>(entry, ENTRY_HASH));
      const version = Atomic.load(bucket);
      if ((version & VERSION_LOCKED) != 0) continue;
      Reader.copyHot(1, entry, copy);
      if (Atomic.load(bucket) != version) continue;
      return State.isLinked(State.of(copy)) && Chain.bucket(load<u32>(copy, ENTRY_HASH)) == bucket;
    }
    return false;
  }

  /** The entry of a tuple (layout.ts, TUPLE_*), 0 when there is none, or BUSY. */
  static tuple(tuple: usize, tries: u32): usize {
    const bucket = Chain.bucket(Hash.tuple(tuple));
    const client = tuple + TUPLE_CLIENT_ADDRESS;
    const local = tuple + TUPLE_LOCAL_ADDRESS;
    const ports = load<u32>(tuple, TUPLE_CLIENT_PORT);
    const six = load<u8>(tuple, TUPLE_FAMILY) == 6;
    for (let left = tries; left != 0; --left) {
      const version = Atomic.load(bucket);
      if ((version & VERSION_LOCKED) != 0) continue;
      const entry = six
        ? Chain.find(KEY_LOCAL6, bucket, client, local, ports)
        : Chain.find(KEY_LOCAL4, bucket, client, local, ports);
      if (Atomic.load(bucket) == version) return entry;
    }
    return BUSY;
  }

  @inline
  private static copyHot(six: u32, entry: usize, copy: usize): void {
    v128.store(copy, v128.load(entry));
    v128.store(copy + VECTOR, v128.load(entry + VECTOR));
    v128.store(copy + 2 * VECTOR, v128.load(entry + 2 * VECTOR));
    v128.store(copy + 3 * VECTOR, v128.load(entry + 3 * VECTOR));
    if (six) {
      v128.store(copy + 4 * VECTOR, v128.load(entry + 4 * VECTOR));
      v128.store(copy + 5 * VECTOR, v128.load(entry + 5 * VECTOR));
      v128.store(copy + 6 * VECTOR, v128.load(entry + 6 * VECTOR));
      v128.store(copy + 7 * VECTOR, v128.load(entry + 7 * VECTOR));
    }
  }
}
