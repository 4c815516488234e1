// How the agent learns that a connection is over: both FINs acknowledged, or an RST of the server's kernel.
// Numbers are the server's own: before the rewrite on the way to the client, after it on the way back.
import {
  ENTRY_FLAGS,
  ENTRY_STATE,
  FLAG_CLIENT_FIN,
  FLAG_CLIENT_FIN_ACKED,
  FLAG_SERVER_FIN,
  FLAG_SERVER_FIN_ACKED,
  QUEUE_CLOSED,
  RECORD_CLIENT_FIN,
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
import { BucketLock, WORKER_TRIES } from './lookup/bucket-lock';
import { Chain } from './lookup/chain';
import { Pool } from './lookup/pool';
import { State } from './lookup/state';
import { Table } from './lookup/table';
import { Packet } from './parse/packet';
import { Queue } from './queue';
import { TCP_ACK, TCP_ACKNOWLEDGMENT, TCP_FIN, TCP_FLAGS, TCP_RST, TCP_SEQUENCE } from './wire/tcp';
import { Workers } from './workers';

/** Late FINs and their acknowledgments still pass for so long. */
const LINGER_MS: f64 = 60000;
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
    if (!resets && Closing.merge(record, before, tcp, end, fromServer, false) == before) return;

    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, WORKER_TRIES);
    if (bucket == 0) return; // the other side repeats what was not noted
    let isOver = false;
    if (Chain.sameKey(entry, copy) && State.of(entry) != STATE_CLOSED) {
      const flags = Closing.merge(
        record,
        load<u32>(entry, ENTRY_FLAGS),
        tcp,
        end,
        fromServer,
        true,
      );
      store<u32>(entry, flags, ENTRY_FLAGS);
      const acked = (flags & BOTH_ACKED) == BOTH_ACKED;
      if (resets || acked) store<f64>(record, nowMs + LINGER_MS, RECORD_DEADLINE);
      // packets are still held in other states: DRAINING ends in CLOSED, see Table.settle
      isOver = resets || (acked && State.of(entry) == STATE_FORWARD);
      if (isOver) Closing.close(entry, record);
      store<u64>(Workers.id(worker), load<u64>(record, RECORD_ID_RUN));
    }
    BucketLock.release(bucket);
    if (isOver) Queue.push(worker, QUEUE_CLOSED, Pool.index(entry), Workers.id(worker), 0, 0);
  }

  @inline
  private static close(entry: usize, record: usize): void {
    Atomic.or(record + RECORD_TERMINAL, TERMINAL_CLOSE);
    State.set(entry, STATE_CLOSED);
  }

  /** The entry's flags after this packet. `notes`: writes the FIN's number as well (under the lock). */
  @inline
  private static merge(
    record: usize,
    before: u32,
    tcp: usize,
    end: usize,
    fromServer: bool,
    notes: bool,
  ): u32 {
    const tcpFlags = <u32>load<u8>(tcp, TCP_FLAGS);
    const mine = fromServer ? RECORD_SERVER_FIN : RECORD_CLIENT_FIN;
    const theirs = fromServer ? RECORD_CLIENT_FIN : RECORD_SERVER_FIN;
    const myFlag = fromServer ? FLAG_SERVER_FIN : FLAG_CLIENT_FIN;
    const myAcked = fromServer ? FLAG_SERVER_FIN_ACKED : FLAG_CLIENT_FIN_ACKED;
    const theirFlag = fromServer ? FLAG_CLIENT_FIN : FLAG_SERVER_FIN;
    const theirAcked = fromServer ? FLAG_CLIENT_FIN_ACKED : FLAG_SERVER_FIN_ACKED;
    let flags = before;
    if ((tcpFlags & TCP_FIN) != 0) {
      const text = Packet.textLength(tcp, end);
      const behind = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) + text + 1;
      const moved = (flags & myFlag) == 0 || load<u32>(record + mine) != behind;
      if (moved) flags = (flags & ~myAcked) | myFlag;
      if (moved && notes) store<u32>(record + mine, behind);
      // a moved FIN changes nothing in the flags when they already show one
      if (moved && !notes) flags = ~before;
    }
    const acknowledged = bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT));
    const acks = (tcpFlags & TCP_ACK) != 0 && (before & theirFlag) != 0;
    if (acks && load<u32>(record + theirs) == acknowledged) flags |= theirAcked;
    return flags;
  }
}
