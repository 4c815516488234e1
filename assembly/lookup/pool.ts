// The pool of entries: a free list under a lock of its own. An entry that is taken is RESERVED and
// names its owner until it stands in a chain, so that those of a dead owner can be found and
// returned.
import {
  ENTRY_SIZE,
  ENTRY_STATE,
  HEADER_ENTRY_BASE,
  HEADER_ENTRY_COUNT,
  HEADER_FREE_COUNT,
  HEADER_FREE_HEAD,
  HEADER_FREE_LOCK,
  HEADER_RECORD_BASE,
  RECORD_SIZE,
  STATE_FREE,
  STATE_RESERVED,
} from '../layout';
import { Atomic } from './atomic';
import { CONTROL_TRIES } from './bucket-lock';

export const RESERVED_OWNER_SHIFT: u32 = 8;

export class Pool {
  @inline
  static entry(index: u32): usize {
    return <usize>(load<u32>(0, HEADER_ENTRY_BASE) + index * ENTRY_SIZE);
  }

  @inline
  static index(entry: usize): u32 {
    return (<u32>entry - load<u32>(0, HEADER_ENTRY_BASE)) / ENTRY_SIZE;
  }

  @inline
  static record(entry: usize): usize {
    return <usize>(load<u32>(0, HEADER_RECORD_BASE) + Pool.index(entry) * RECORD_SIZE);
  }

  /** Entries that are not free, as far as this thread knows. */
  @inline
  static used(): u32 {
    return load<u32>(0, HEADER_ENTRY_COUNT) - load<u32>(0, HEADER_FREE_COUNT);
  }

  @inline
  static reserved(owner: u32): u32 {
    return STATE_RESERVED | (owner << RESERVED_OWNER_SHIFT);
  }

  /** Address of an entry that is now RESERVED for this owner, 0 when there is none. */
  static allocate(owner: u32): usize {
    if (Atomic.load(HEADER_FREE_HEAD) == 0) return 0;
    if (!Pool.lock(owner)) return 0;
    let entry: usize = 0;
    const head = load<u32>(0, HEADER_FREE_HEAD);
    if (head != 0) {
      entry = Pool.entry(head - 1);
      store<u32>(entry, Pool.reserved(owner), ENTRY_STATE);
      store<u32>(0, load<u32>(entry), HEADER_FREE_HEAD);
      store<u32>(0, load<u32>(0, HEADER_FREE_COUNT) - 1, HEADER_FREE_COUNT);
    }
    Atomic.store(HEADER_FREE_LOCK, 0);
    return entry;
  }

  /** Returns an entry that is RESERVED for this owner and stands in no chain. */
  static release(owner: u32, entry: usize): void {
    if (!Pool.lock(owner)) return; // it stays RESERVED: releaseOwner() finds it
    store<u32>(entry, load<u32>(0, HEADER_FREE_HEAD));
    store<u32>(entry, STATE_FREE, ENTRY_STATE);
    store<u32>(0, Pool.index(entry) + 1, HEADER_FREE_HEAD);
    store<u32>(0, load<u32>(0, HEADER_FREE_COUNT) + 1, HEADER_FREE_COUNT);
    Atomic.store(HEADER_FREE_LOCK, 0);
  }

  @inline
  static lock(owner: u32): bool {
    for (let left = CONTROL_TRIES; left != 0; --left) {
      if (Atomic.load(HEADER_FREE_LOCK) == 0 && Atomic.exchange(HEADER_FREE_LOCK, 0, owner)) {
        return true;
      }
    }
    return false;
  }

  /** The list of all entries whose state is FREE. The caller holds the lock or is alone. */
  static rebuild(): void {
    let head: u32 = 0;
    let count: u32 = 0;
    for (let index = load<u32>(0, HEADER_ENTRY_COUNT); index != 0; --index) {
      const entry = Pool.entry(index - 1);
      if (load<u32>(entry, ENTRY_STATE) != STATE_FREE) continue;
      store<u32>(entry, head);
      head = index;
      ++count;
    }
    store<u32>(0, head, HEADER_FREE_HEAD);
    store<u32>(0, count, HEADER_FREE_COUNT);
  }
}
