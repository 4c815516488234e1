// How the agent learns that a connection is over: both FINs acknowledged, or an RST of the server's
// kernel. Numbers are the server's own: before the rewrite on the way to the client, after it on
// the way back.
import {
  ENTRY_FLAGS,
  ENTRY_STATE,
  FLAG_CLIENT_FIN,
  FLAG_CLIENT_FIN_ACKED,
  FLAG_SERVER_FIN,
  FLAG_SERVER_FIN_ACKED,
  QUEUE_CLOSED,
  RECORD_CLIENT_FIN,
  RECORD_CLIENT_NEXT,
  RECORD_DEADLINE,
  RECORD_ID_RUN,
  RECORD_SERVER_FIN,
  RECORD_TERMINAL,
  STATE_CLOSED,
  STATE_FORWARD,
  TERMINAL_CLOSE,
  WORKER_OWNER,
} from './layout';
import { Atomic } from './lookup/atomic';
import { BucketLock, PATIENT_TRIES } from './lookup/bucket-lock';
import { Chain } from './lookup/chain';
import { Pool } from './lookup/pool';
import { State } from './lookup/state';
import { Table } from './lookup/table';
import { Packet } from './parse/packet';
import { Queue } from './queue';
import { TCP_ACK, TCP_ACKNOWLEDGMENT, TCP_FIN, TCP_FLAGS, TCP_RST } from './wire/tcp';
import { Workers } from './workers';

const BOTH_ACKED: u32 = FLAG_CLIENT_FIN_ACKED | FLAG_SERVER_FIN_ACKED;

export class Closing {
  /** Notes what a packet says about the end of its connection; tells control when that has come. */
  static observe(
    worker: usize,
    tcp: usize,
    end: usize,
    fromServer: bool,
    entry: usize,
    nowMs: f64,
  ): void {
    const copy = Workers.copy(worker);
    if (load<u32>(copy, ENTRY_STATE) == STATE_CLOSED) return;
    const resets = fromServer && ((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_RST) != 0;
    const record = Pool.record(entry);
    const before = load<u32>(entry, ENTRY_FLAGS);
    if (!resets && !Closing.isNews(record, before, tcp, end, fromServer)) return;

    // the last ACK of a connection comes once, and who misses it waits for the idle timeout
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, PATIENT_TRIES);
    if (bucket == 0) return;
    let isOver = false;
    if (Chain.sameKey(entry, copy) && State.of(entry) != STATE_CLOSED) {
      const flags = Closing.note(entry, record, tcp, end, fromServer);
      const acked = (flags & BOTH_ACKED) == BOTH_ACKED;
      // packets are still held in other states: DRAINING ends in CLOSED, see Table.settle
      isOver = resets || (acked && State.of(entry) == STATE_FORWARD);
      if (isOver) Closing.close(entry, record, nowMs);
      if (resets) Closing.noteEnd(record, tcp);
      store<u64>(Workers.id(worker), load<u64>(record, RECORD_ID_RUN));
    }
    BucketLock.release(bucket);
    if (isOver) Queue.push(worker, QUEUE_CLOSED, Pool.index(entry), Workers.id(worker), 0, 0);
  }

  /** Control says how long it lingers. Due at once: a sweep tells control when no record reaches it. */
  @inline
  private static close(entry: usize, record: usize, nowMs: f64): void {
    store<f64>(record, nowMs, RECORD_DEADLINE);
    Atomic.or(record + RECORD_TERMINAL, TERMINAL_CLOSE);
    State.set(entry, STATE_CLOSED);
  }

  /** How far the client had come: what it sends from there on is late, and reset again. */
  @inline
  private static noteEnd(record: usize, tcp: usize): void {
    if (((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_ACK) == 0) return;
    store<u32>(record, bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT)), RECORD_CLIENT_NEXT);
  }

  @inline
  private static isNews(record: usize, flags: u32, tcp: usize, end: usize, fromServer: bool): bool {
    if (Closing.movesFin(record, flags, tcp, end, fromServer)) return true;
    const theirAcked = fromServer ? FLAG_CLIENT_FIN_ACKED : FLAG_SERVER_FIN_ACKED;
    return (flags & theirAcked) == 0 && Closing.acksFin(record, flags, tcp, fromServer);
  }

  /** Writes what is new to entry and record; returns the flags. */
  @inline
  private static note(entry: usize, record: usize, tcp: usize, end: usize, fromServer: bool): u32 {
    let flags = load<u32>(entry, ENTRY_FLAGS);
    if (Closing.acksFin(record, flags, tcp, fromServer)) {
      flags |= fromServer ? FLAG_CLIENT_FIN_ACKED : FLAG_SERVER_FIN_ACKED;
    }
    if (Closing.movesFin(record, flags, tcp, end, fromServer)) {
      const field = fromServer ? RECORD_SERVER_FIN : RECORD_CLIENT_FIN;
      store<u32>(record + field, Packet.behind(tcp, end));
      flags |= fromServer ? FLAG_SERVER_FIN : FLAG_CLIENT_FIN;
      flags &= ~(fromServer ? FLAG_SERVER_FIN_ACKED : FLAG_CLIENT_FIN_ACKED);
    }
    store<u32>(entry, flags, ENTRY_FLAGS);
    return flags;
  }

  /** A FIN at another place than the one noted, or the first. */
  @inline
  private static movesFin(
    record: usize,
    flags: u32,
    tcp: usize,
    end: usize,
    fromServer: bool,
  ): bool {
    if (((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_FIN) == 0) return false;
    const field = fromServer ? RECORD_SERVER_FIN : RECORD_CLIENT_FIN;
    const noted = (flags & (fromServer ? FLAG_SERVER_FIN : FLAG_CLIENT_FIN)) != 0;
    return !noted || load<u32>(record + field) != Packet.behind(tcp, end);
  }

  /** An acknowledgment of the other side's FIN, no more and no less. */
  @inline
  private static acksFin(record: usize, flags: u32, tcp: usize, fromServer: bool): bool {
    if (((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_ACK) == 0) return false;
    const field = fromServer ? RECORD_CLIENT_FIN : RECORD_SERVER_FIN;
    const noted = (flags & (fromServer ? FLAG_CLIENT_FIN : FLAG_SERVER_FIN)) != 0;
    return noted && load<u32>(record + field) == bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT));
  }
}
