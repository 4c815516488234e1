// The state word of an entry. Written under the lock of its bucket; every change goes through here,
// so that the numbers of connections in GATHERING and of unproven ones are exact.
import {
  ENTRY_FLAGS,
  ENTRY_STATE,
  FLAG_UNPROVEN,
  HEADER_HALF_OPEN_COUNT,
  HEADER_HALF_OPEN_LIMIT,
  HEADER_UNPROVEN_COUNT,
  HEADER_UNPROVEN_LIMIT,
  STATE_CLOSED,
  STATE_DRAINING,
  STATE_FORWARD,
  STATE_GATHERING,
  STATE_HELD,
  STATE_REPLAYING,
  STATE_REQUESTS,
} from '../layout';
import { Atomic } from './atomic';

/** Only a reserved entry has bits from here on: its owner. */
const RESERVED_OWNERS: u32 = 0x100;

export class State {
  @inline
  static of(entry: usize): u32 {
    return load<u32>(entry, ENTRY_STATE);
  }

  /** It stands in a chain: neither free nor reserved. */
  @inline
  static isLinked(state: u32): bool {
    return state >= <u32>STATE_GATHERING && state < RESERVED_OWNERS;
  }

  /** Packets go to control and are counted, so that they leave in order; in REQUESTS some do. */
  @inline
  static isCounted(state: u32): bool {
    return (
      state == STATE_HELD ||
      state == STATE_REPLAYING ||
      state == STATE_DRAINING ||
      state == STATE_REQUESTS
    );
  }

  @inline
  static set(entry: usize, state: u32): void {
    const before = State.of(entry);
    if (before == STATE_GATHERING && state != STATE_GATHERING) {
      Atomic.add(HEADER_HALF_OPEN_COUNT, -1);
    }
    if (before != STATE_GATHERING && state == STATE_GATHERING) {
      Atomic.add(HEADER_HALF_OPEN_COUNT, 1);
    }
    const stays = State.isLinked(state) && state != STATE_FORWARD && state != STATE_CLOSED;
    if (!stays) State.setFlags(entry, load<u32>(entry, ENTRY_FLAGS) & ~FLAG_UNPROVEN);
    store<u32>(entry, state, ENTRY_STATE);
  }

  /** Flags of an entry in a chain, so that the number of unproven ones is exact, too. */
  @inline
  static setFlags(entry: usize, flags: u32): void {
    const before = load<u32>(entry, ENTRY_FLAGS);
    store<u32>(entry, flags, ENTRY_FLAGS);
    if ((before & FLAG_UNPROVEN) == (flags & FLAG_UNPROVEN)) return;
    Atomic.add(HEADER_UNPROVEN_COUNT, (flags & FLAG_UNPROVEN) != 0 ? 1 : -1);
  }

  /** Counts an entry that comes into a chain. */
  @inline
  static linked(entry: usize): void {
    if ((load<u32>(entry, ENTRY_FLAGS) & FLAG_UNPROVEN) != 0) Atomic.add(HEADER_UNPROVEN_COUNT, 1);
  }

  /**
   * Counts a SYN on its way to control, if the limit allows: else all that are on their way would
   * become entries. Control takes it off the count when it has made the entry, or has not.
   */
  @inline
  static admitUnproven(): bool {
    const before = Atomic.add(HEADER_UNPROVEN_COUNT, 1);
    if (<i32>before < <i32>load<u32>(0, HEADER_UNPROVEN_LIMIT)) return true;
    State.dismissUnproven();
    return false;
  }

  @inline
  static dismissUnproven(): void {
    Atomic.add(HEADER_UNPROVEN_COUNT, -1);
  }

  /** Room for one more in GATHERING, at this moment. */
  @inline
  static hasRoom(): bool {
    return Atomic.load(HEADER_HALF_OPEN_COUNT) < load<u32>(0, HEADER_HALF_OPEN_LIMIT);
  }

  /** Counts an entry in that becomes GATHERING, if the limit allows. */
  @inline
  static admit(): bool {
    if (Atomic.add(HEADER_HALF_OPEN_COUNT, 1) >= load<u32>(0, HEADER_HALF_OPEN_LIMIT)) {
      Atomic.add(HEADER_HALF_OPEN_COUNT, -1);
      return false;
    }
    return true;
  }
}
