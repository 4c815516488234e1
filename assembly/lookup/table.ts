// The table of connections: chains of entries in buckets, each bucket under its version word.
// Checks come before the lock; what is locked is straight-line with one exit; nothing is queued and
// no packet is touched while a lock is held.
import { UPDATE_STATE } from '../calls';
import {
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_ADDRESS6,
  ENTRY_CLIENT_PORT,
  ENTRY_FLAGS,
  ENTRY_HASH,
  ENTRY_LAST_SEEN,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_STATE,
  ENTRY_VIP_ADDRESS4,
  FLAG_CLIENT_FIN_ACKED,
  FLAG_IPV6,
  FLAG_REQUESTS,
  FLAG_SERVER_FIN_ACKED,
  FLAG_UNPROVEN,
  HEADER_ROLE,
  HEADER_TABLE_MODE,
  NO_ENTRY,
  RECORD_CLIENT_ISN,
  RECORD_CREATED,
  RECORD_HELD_COUNT,
  RECORD_ID_COUNTER,
  RECORD_ID_RUN,
  RECORD_SENT_COUNT,
  RECORD_SIZE,
  RECORD_TERMINAL,
  ROLE_SWITCH,
  STATE_CLOSED,
  STATE_DRAINING,
  STATE_FORWARD,
  STATE_GATHERING,
  STATE_REQUESTS,
  STATE_UNPROVEN,
  TABLE_PAPER,
  TEMPLATE_RECORD,
  TERMINAL_CLOSE,
} from '../layout';
import { Checksum } from '../rewrite/checksum';
import { Atomic } from './atomic';
import { BucketLock, CONTROL_TRIES } from './bucket-lock';
import { Chain, CHAIN_FULL } from './chain';
import { Changes } from './changes';
import { Hash } from './hash';
import { Pool } from './pool';
import { BUSY, Reader } from './reader';
import { State } from './state';

/** insert(): the tuple exists; the other bits are its entry. */
export const EXISTS: u32 = 0x80000000;
/** insert(): the bucket stayed locked. */
export const INSERT_BUSY: u32 = 0x7ffffffe;

const MS_PER_SECOND: f64 = 1000;

export class Table {
  static lookup(tuple: usize): u32 {
    const entry = Reader.tuple(tuple, CONTROL_TRIES);
    return entry > BUSY ? Pool.index(entry) : NO_ENTRY;
  }

  /**
   * Makes an entry of a template. `replacesClosed`: a CLOSED entry of the same tuple and another
   * client ISN gives way (as RFC 6191 lets a connection in TIME-WAIT do).
   */
  static insert(owner: u32, template: usize, replacesClosed: bool, tries: u32): u32 {
    const state = State.of(template);
    if (state == STATE_GATHERING && !State.hasRoom()) return NO_ENTRY;
    const entry = Pool.allocate(owner);
    if (entry == 0) return NO_ENTRY;
    const bucket = Chain.bucket(Table.fill(entry, template));
    let result = INSERT_BUSY;
    let replaced: usize = 0;
    if (BucketLock.take(bucket, owner, tries)) {
      const existing = Chain.findImage(bucket, entry);
      if (existing > CHAIN_FULL && replacesClosed && Table.givesWay(existing, entry))
        replaced = existing;
      if (existing == CHAIN_FULL) result = NO_ENTRY;
      else if (existing != replaced) result = EXISTS | Pool.index(existing);
      else if (state == STATE_GATHERING && !State.admit()) {
        result = NO_ENTRY;
        replaced = 0;
      } else {
        if (replaced != 0) Table.takeOut(owner, bucket, replaced);
        Chain.link(bucket, entry);
        store<u32>(entry, state, ENTRY_STATE);
        State.linked(entry);
        result = Pool.index(entry);
      }
      BucketLock.release(bucket);
    }
    if (result != Pool.index(entry)) Pool.release(owner, entry);
    if (replaced != 0) Pool.release(owner, replaced);
    return result;
  }

  static update(
    owner: u32,
    entry: usize,
    idRun: u32,
    idCounter: u32,
    template: usize,
    what: u32,
  ): u32 {
    const bucket = Table.lock(owner, entry, CONTROL_TRIES);
    if (bucket == 0) return 0;
    const record = Pool.record(entry);
    const same = Table.hasId(record, idRun, idCounter);
    if (same) {
      Changes.apply(entry, template, what);
      if ((what & UPDATE_STATE) != 0) Table.change(entry, record, State.of(template));
    }
    BucketLock.release(bucket);
    return u32(same);
  }

  static held(owner: u32, entry: usize, idRun: u32, idCounter: u32, count: u32): u32 {
    const bucket = Table.lock(owner, entry, CONTROL_TRIES);
    if (bucket == 0) return 0;
    const record = Pool.record(entry);
    const same = Table.hasId(record, idRun, idCounter);
    if (same) {
      store<u32>(record, load<u32>(record, RECORD_SENT_COUNT) + count, RECORD_SENT_COUNT);
      Table.settle(entry, record);
    }
    BucketLock.release(bucket);
    return u32(same);
  }

  static remove(owner: u32, entry: usize, idRun: u32, idCounter: u32): u32 {
    const bucket = Table.lock(owner, entry, CONTROL_TRIES);
    if (bucket == 0) return 0;
    const same = Table.hasId(Pool.record(entry), idRun, idCounter);
    if (same) Table.takeOut(owner, bucket, entry);
    BucketLock.release(bucket);
    if (same) Pool.release(owner, entry);
    return u32(same);
  }

  /** Locks the bucket of an entry that is linked: the bucket's address, 0 when it is not. */
  @inline
  static lock(owner: u32, entry: usize, tries: u32): usize {
    const hash = load<u32>(entry, ENTRY_HASH);
    const bucket = Chain.bucket(hash);
    if (!State.isLinked(State.of(entry))) return 0;
    if (!BucketLock.take(bucket, owner, tries)) return 0;
    // who is linked under this hash stands in this bucket, and nobody else may take it out now
    if (State.isLinked(State.of(entry)) && load<u32>(entry, ENTRY_HASH) == hash) return bucket;
    BucketLock.release(bucket);
    return 0;
  }

  /** Out of its chain and RESERVED. In this order: a dead owner's entry is found either way. */
  @inline
  static takeOut(owner: u32, bucket: usize, entry: usize): void {
    State.set(entry, Pool.reserved(owner));
    Chain.unlink(bucket, entry);
  }

  @inline
  static hasId(record: usize, idRun: u32, idCounter: u32): bool {
    return (
      load<u32>(record, RECORD_ID_RUN) == idRun && load<u32>(record, RECORD_ID_COUNTER) == idCounter
    );
  }

  /**
   * DRAINING ends when every held packet was sent; a connection that closed meanwhile is then
   * CLOSED, one whose client has only sent a SYN is UNPROVEN, one of which each request is
   * dispatched is in REQUESTS.
   */
  @inline
  static settle(entry: usize, record: usize): void {
    if (State.of(entry) != STATE_DRAINING) return;
    const left = load<u32>(record, RECORD_HELD_COUNT) - load<u32>(record, RECORD_SENT_COUNT);
    if (<i32>left > 0) return;
    const acked = FLAG_CLIENT_FIN_ACKED | FLAG_SERVER_FIN_ACKED;
    const isOver = (load<u32>(entry, ENTRY_FLAGS) & acked) == acked;
    if (isOver) Atomic.or(record + RECORD_TERMINAL, TERMINAL_CLOSE);
    State.set(entry, isOver ? STATE_CLOSED : Table.settled(load<u32>(entry, ENTRY_FLAGS)));
  }

  @inline
  private static settled(flags: u32): u32 {
    if ((flags & FLAG_UNPROVEN) != 0) return STATE_UNPROVEN;
    const each = (flags & FLAG_REQUESTS) != 0 && load<u32>(0, HEADER_ROLE) == ROLE_SWITCH;
    return each ? STATE_REQUESTS : STATE_FORWARD;
  }

  @inline
  private static change(entry: usize, record: usize, state: u32): void {
    if (State.isCounted(state) && !State.isCounted(State.of(entry))) {
      store<u32>(record, 0, RECORD_HELD_COUNT);
      store<u32>(record, 0, RECORD_SENT_COUNT);
    }
    State.set(entry, state);
    Table.settle(entry, record);
  }

  /** All fields but next and state of an entry that nobody else sees. Returns the hash. */
  private static fill(entry: usize, template: usize): u32 {
    const record = Pool.record(entry);
    memory.copy(
      entry + ENTRY_CLIENT_ADDRESS4,
      template + ENTRY_CLIENT_ADDRESS4,
      TEMPLATE_RECORD - ENTRY_CLIENT_ADDRESS4,
    );
    memory.copy(record, template + TEMPLATE_RECORD, RECORD_SIZE);
    store<u32>(record, 0, RECORD_HELD_COUNT);
    store<u32>(record, 0, RECORD_SENT_COUNT);
    if (load<u32>(entry, ENTRY_LAST_SEEN) == 0) {
      store<u32>(entry, <u32>(load<f64>(record, RECORD_CREATED) / MS_PER_SECOND), ENTRY_LAST_SEEN);
    }
    const six = (load<u32>(entry, ENTRY_FLAGS) & FLAG_IPV6) != 0;
    if (six) {
      store<u64>(entry, 0, ENTRY_CLIENT_ADDRESS4);
      store<u32>(entry, 0, ENTRY_SERVER_ADDRESS4);
      store<u32>(entry, 0, ENTRY_VIP_ADDRESS4);
    }
    Checksum.prepare(entry, load<u32>(0, HEADER_ROLE));
    const port = <u32>load<u16>(entry, ENTRY_CLIENT_PORT);
    const paper = load<u32>(0, HEADER_TABLE_MODE) == TABLE_PAPER;
    const hash = six
      ? Hash.client6(entry + ENTRY_CLIENT_ADDRESS6, port, paper)
      : Hash.client4(load<u32>(entry, ENTRY_CLIENT_ADDRESS4), port, paper);
    store<u32>(entry, hash, ENTRY_HASH);
    return hash;
  }

  @inline
  private static givesWay(existing: usize, entry: usize): bool {
    if (State.of(existing) != STATE_CLOSED) return false;
    const before = load<u32>(Pool.record(existing), RECORD_CLIENT_ISN);
    return before != load<u32>(Pool.record(entry), RECORD_CLIENT_ISN);
  }
}
