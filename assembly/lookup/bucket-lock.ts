// The version word of a bucket is its lock (layout.ts draws it). Who finds it even may take it; who
// holds it has it odd and names itself, so that the bucket of a dead owner can be found.
import {
  BUCKET_LOCKS,
  VERSION_LOCKED,
  VERSION_OWNER_MASK,
  VERSION_OWNER_SHIFT,
  VERSION_STEP,
} from '../layout';
import { Atomic } from './atomic';

/** How often a worker tries; about 20 us. It then drops the packet: the client sends it again. */
export const WORKER_TRIES: u32 = 1 << 12;
/**
 * How often it tries for a packet that says something once, about 5 ms: an end, or a response, that is
 * not seen here is not seen at all.
 */
export const PATIENT_TRIES: u32 = 1 << 20;
/**
 * How often control tries, about 0.1 s: longer than a busy machine keeps a lock's holder off the
 * processor.
 */
export const CONTROL_TRIES: u32 = 1 << 26;

export class BucketLock {
  /** True when taken. Bounded: a bucket whose owner died stays locked until releaseOwner(). */
  @inline
  static take(bucket: usize, owner: u32, tries: u32): bool {
    let waited = false;
    for (let left = tries; left != 0; --left) {
      const version = Atomic.load(bucket);
      if ((version & VERSION_LOCKED) == 0) {
        if (Atomic.exchange(bucket, version, BucketLock.locked(version, owner))) return true;
      } else if (!waited) {
        waited = true;
        Atomic.add(bucket + BUCKET_LOCKS, 1);
      }
    }
    return false;
  }

  @inline
  static release(bucket: usize): void {
    const version = load<u32>(bucket);
    Atomic.store(bucket, BucketLock.stripped(version) + VERSION_STEP);
  }

  /** Takes the lock over from an owner that is dead. False when that owner does not hold it. */
  @inline
  static seize(bucket: usize, dead: u32, owner: u32): bool {
    const version = Atomic.load(bucket);
    if ((version & VERSION_LOCKED) == 0 || BucketLock.ownerOf(version) != dead) return false;
    return Atomic.exchange(bucket, version, BucketLock.locked(version, owner));
  }

  @inline
  static ownerOf(version: u32): u32 {
    return (version >> VERSION_OWNER_SHIFT) & VERSION_OWNER_MASK;
  }

  @inline
  static locked(version: u32, owner: u32): u32 {
    return BucketLock.stripped(version) | (owner << VERSION_OWNER_SHIFT) | VERSION_LOCKED;
  }

  @inline
  static stripped(version: u32): u32 {
    return version & ~(VERSION_STEP - 1);
  }
}
