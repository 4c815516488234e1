// Owners of locks: one id for control and for each incarnation of a worker. What a dead owner left
// half-done is emptied, never published: its connections come back as unknown packets.
import {
  BUCKET_HEAD,
  BUCKET_SIZE,
  CHAIN_LIMIT,
  ENTRY_FLAGS,
  ENTRY_STATE,
  FLAG_UNPROVEN,
  HEADER_BUCKET_BASE,
  HEADER_BUCKET_COUNT,
  HEADER_ENTRY_COUNT,
  HEADER_FREE_LOCK,
  HEADER_HALF_OPEN_COUNT,
  HEADER_NEXT_OWNER,
  HEADER_UNPROVEN_COUNT,
  STATE_GATHERING,
  VERSION_OWNER_MASK,
} from '../layout';
import { Atomic } from './atomic';
import { BucketLock } from './bucket-lock';
import { Pool } from './pool';
import { State } from './state';

const RECOUNTS: u32 = 4;

export class Owners {
  /** 1..255, then round. */
  static next(): u32 {
    return (Atomic.add(HEADER_NEXT_OWNER, 1) % VERSION_OWNER_MASK) + 1;
  }

  /** Frees everything that a dead owner holds. Returns how many connections were lost. */
  static release(owner: u32, dead: u32): u32 {
    const repaired = Owners.repairPool(owner, dead);
    const lost = Owners.emptyBuckets(owner, dead);
    const freed = Owners.freeReserved(owner, dead);
    if (repaired || lost != 0 || freed != 0) {
      Owners.recount(HEADER_HALF_OPEN_COUNT, false);
      Owners.recount(HEADER_UNPROVEN_COUNT, true);
    }
    return lost;
  }

  private static repairPool(owner: u32, dead: u32): bool {
    if (!Atomic.exchange(HEADER_FREE_LOCK, dead, owner)) return false;
    Pool.rebuild();
    Atomic.store(HEADER_FREE_LOCK, 0);
    return true;
  }

  private static emptyBuckets(owner: u32, dead: u32): u32 {
    const count = load<u32>(0, HEADER_BUCKET_COUNT);
    let lost: u32 = 0;
    let seized = false;
    for (let index: u32 = 0; index < count; ++index) {
      const bucket = <usize>(load<u32>(0, HEADER_BUCKET_BASE) + index * BUCKET_SIZE);
      if (!BucketLock.seize(bucket, dead, owner)) continue;
      seized = true;
      lost += Owners.reserveChain(owner, bucket);
      store<u32>(bucket, 0, BUCKET_HEAD);
      BucketLock.release(bucket);
    }
    if (seized) Owners.freeReserved(owner, owner);
    return lost;
  }

  /**
   * All entries of a chain become RESERVED by `owner`; freed afterwards, without the bucket's lock.
   */
  private static reserveChain(owner: u32, bucket: usize): u32 {
    let next = load<u32>(bucket, BUCKET_HEAD);
    let lost: u32 = 0;
    for (let left: u32 = CHAIN_LIMIT; next != 0 && left != 0; --left) {
      const entry = Pool.entry(next - 1);
      if (State.isLinked(State.of(entry))) ++lost;
      State.set(entry, Pool.reserved(owner));
      next = load<u32>(entry);
    }
    return lost;
  }

  private static freeReserved(owner: u32, holder: u32): u32 {
    const count = load<u32>(0, HEADER_ENTRY_COUNT);
    let freed: u32 = 0;
    for (let index: u32 = 0; index < count; ++index) {
      const entry = Pool.entry(index);
      if (Atomic.load(entry + ENTRY_STATE) != Pool.reserved(holder)) continue;
      Pool.release(owner, entry);
      ++freed;
    }
    return freed;
  }

  /** The dead owner may have died between counting and setting a state. */
  private static recount(word: usize, unproven: bool): void {
    for (let left = RECOUNTS; left != 0; --left) {
      const before = Atomic.load(word);
      let count: u32 = 0;
      for (let index = load<u32>(0, HEADER_ENTRY_COUNT); index != 0; --index) {
        if (Owners.counts(Pool.entry(index - 1), unproven)) ++count;
      }
      if (Atomic.exchange(word, before, count)) return;
    }
  }

  private static counts(entry: usize, unproven: bool): bool {
    const state = State.of(entry);
    if (!unproven) return state == STATE_GATHERING;
    return State.isLinked(state) && (load<u32>(entry, ENTRY_FLAGS) & FLAG_UNPROVEN) != 0;
  }
}
