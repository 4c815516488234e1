// Connections of which each request is dispatched, at the agent: responses are followed, so that one can
// be taken from its server when all requests are answered and all answers are acknowledged. "All that was
// sent is acknowledged" alone says nothing: a slow response has not begun. Everything under the
// lock: what was sent must not change between the question and the answer.
import {
  RELEASE_DONE,
  RELEASE_ENDING,
  RELEASE_LATER,
  RELEASE_NEVER,
  RELEASE_NONE,
  RELEASE_UPGRADED,
} from './calls';
import {
  ENTRY_FLAGS,
  ENTRY_SEQUENCE_DELTA,
  ENTRY_TIMESTAMP_OFFSET,
  FLAG_ASKED,
  FLAG_AT_BOUNDARY,
  FLAG_CLIENT_FIN,
  FLAG_REQUESTS,
  FLAG_SERVER_FIN,
  QUEUE_ANSWERED,
  RECORD_CLIENT_ACK,
  RECORD_CLIENT_NEXT,
  RECORD_ID_RUN,
  RECORD_REQUEST_NEXT,
  RECORD_REQUESTS,
  RECORD_RESPONSE_NEXT,
  RECORD_RESPONSES,
  RECORD_SERVER_NEXT,
  RECORD_SERVER_TIMESTAMP,
  STATE_DRAINING,
  STATE_FORWARD,
  STATE_RELEASING,
  STATE_REPLAYING,
  WORKER_OWNER,
} from './layout';
import { BucketLock, CONTROL_TRIES, PATIENT_TRIES } from './lookup/bucket-lock';
import { Chain } from './lookup/chain';
import { Pool } from './lookup/pool';
import { State } from './lookup/state';
import { Table } from './lookup/table';
import { Packet } from './parse/packet';
import { Response } from './parse/response';
import { TcpOptions } from './parse/tcp-options';
import { Queue } from './queue';
import { DROP_OUT_OF_ORDER, DROP_SILENT, DROP_TABLE_BUSY } from './verdict';
import { TCP_ACK, TCP_ACKNOWLEDGMENT, TCP_FLAGS, TCP_SEQUENCE } from './wire/tcp';
import { Workers } from './workers';

/** Instead of a reason: control must see the packet first. Workers.id has the handoff's id. */
export const UNASKED: u32 = 0xff;

export class Framing {
  /**
   * A packet of the server, before its rewrite: read, and counted as sent. 0, or the reason for which it
   * must not be sent: one that cannot be read now is sent again by the kernel.
   */
  static reply(worker: usize, tcp: usize, end: usize, entry: usize): u32 {
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, PATIENT_TRIES);
    if (bucket == 0) return DROP_TABLE_BUSY;
    let reason: u32 = DROP_SILENT;
    let answered = false;
    const state = State.of(entry);
    const leaves = state != STATE_RELEASING && state != STATE_REPLAYING;
    if (leaves && Chain.sameKey(entry, Workers.copy(worker))) {
      const record = Pool.record(entry);
      if (Framing.isUnasked(entry, record, tcp, end)) {
        // it is no boundary any more, whatever becomes of the flag
        store<u32>(record, Packet.behind(tcp, end), RECORD_SERVER_NEXT);
        store<u64>(Workers.id(worker), load<u64>(record, RECORD_ID_RUN));
        reason = UNASKED;
      } else {
        reason = Framing.read(record, tcp, end) ? 0 : DROP_OUT_OF_ORDER;
        if (reason == 0) Framing.noteSent(entry, record, tcp, end);
        answered = Framing.isAwaited(worker, entry, record);
      }
    }
    BucketLock.release(bucket);
    if (answered) Framing.tell(worker, entry);
    return reason;
  }

  /** A packet of the client, before its rewrite. */
  static request(worker: usize, tcp: usize, end: usize, entry: usize): void {
    if (((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_ACK) == 0) return;
    const record = Pool.record(entry);
    const acked = bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT));
    // an acknowledgment may come from behind bytes that the switch holds
    const text = Packet.textLength(tcp, end);
    const known = load<u32>(record, RECORD_CLIENT_NEXT);
    const behind = text == 0 ? known : bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) + text;
    const isNews =
      <i32>(acked - load<u32>(record, RECORD_CLIENT_ACK)) > 0 || <i32>(behind - known) > 0;
    if (!isNews) return;
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, PATIENT_TRIES);
    if (bucket == 0) return;
    let answered = false;
    if (Chain.sameKey(entry, Workers.copy(worker))) {
      Framing.noteAcked(entry, record, acked);
      if (<i32>(behind - load<u32>(record, RECORD_CLIENT_NEXT)) > 0) {
        store<u32>(record, behind, RECORD_CLIENT_NEXT);
        State.setFlags(entry, load<u32>(entry, ENTRY_FLAGS) & ~FLAG_AT_BOUNDARY);
      }
      answered = Framing.isAwaited(worker, entry, record);
    }
    BucketLock.release(bucket);
    if (answered) Framing.tell(worker, entry);
  }

  /**
   * Takes the connection from its server if that has answered `requests` requests, which end at
   * `sequence`, and the client has acknowledged all. `acked` may be newer than what came here: the last
   * acknowledgment is often in the request that waits at the switch. RELEASE_*.
   */
  static release(
    owner: u32,
    entry: usize,
    idRun: u32,
    idCounter: u32,
    sequence: u32,
    acked: u32,
    requests: u32,
  ): u32 {
    const bucket = Table.lock(owner, entry, CONTROL_TRIES);
    if (bucket == 0) return RELEASE_NONE;
    const record = Pool.record(entry);
    let result: u32 = RELEASE_NONE;
    if (Table.hasId(record, idRun, idCounter)) {
      store<u32>(record, sequence, RECORD_REQUEST_NEXT);
      store<u32>(record, requests, RECORD_REQUESTS);
      Framing.noteAcked(entry, record, acked);
      result = Framing.judge(entry, record);
      const flags = load<u32>(entry, ENTRY_FLAGS) & ~FLAG_ASKED;
      State.setFlags(entry, result == RELEASE_LATER ? flags | FLAG_ASKED : flags);
      if (result == RELEASE_DONE) State.set(entry, STATE_RELEASING);
    }
    BucketLock.release(bucket);
    return result;
  }

  /**
   * Sets FLAG_AT_BOUNDARY if all requests are answered and all answers acknowledged: control may tell the
   * giver. From then on nothing new goes to the client before a request comes, or control takes it back.
   */
  static rest(owner: u32, entry: usize): bool {
    const bucket = Table.lock(owner, entry, CONTROL_TRIES);
    if (bucket == 0) return false;
    const record = Pool.record(entry);
    const flags = load<u32>(entry, ENTRY_FLAGS);
    const rests =
      (flags & FLAG_REQUESTS) != 0 &&
      load<u32>(record, RECORD_REQUESTS) != 0 &&
      Framing.judge(entry, record) == RELEASE_DONE;
    if (rests) State.setFlags(entry, flags | FLAG_AT_BOUNDARY);
    BucketLock.release(bucket);
    return rests;
  }

  /**
   * The server says something new at a boundary, or ends the connection: its giver, who believes that
   * nothing goes to the client, must hear of it before.
   */
  @inline
  private static isUnasked(entry: usize, record: usize, tcp: usize, end: usize): bool {
    const flags = load<u32>(entry, ENTRY_FLAGS);
    if ((flags & FLAG_AT_BOUNDARY) == 0) return false;
    // the client has ended it: no request comes behind that
    if ((flags & FLAG_CLIENT_FIN) != 0) return false;
    const acked = load<u32>(record, RECORD_CLIENT_ACK) + load<u32>(entry, ENTRY_SEQUENCE_DELTA);
    return <i32>(Packet.behind(tcp, end) - acked) > 0;
  }

  private static judge(entry: usize, record: usize): u32 {
    const state = State.of(entry);
    if (state == STATE_DRAINING) return RELEASE_LATER;
    if (state != STATE_FORWARD) return RELEASE_NONE;
    const ends = load<u32>(entry, ENTRY_FLAGS) & (FLAG_CLIENT_FIN | FLAG_SERVER_FIN);
    if (ends != 0) return RELEASE_ENDING;
    if (Response.isUpgraded(record)) return RELEASE_UPGRADED;
    if (Response.isOver(record)) return RELEASE_NEVER;
    return Framing.isDone(entry, record) ? RELEASE_DONE : RELEASE_LATER;
  }

  @inline
  private static isDone(entry: usize, record: usize): bool {
    const acked = load<u32>(record, RECORD_CLIENT_ACK) + load<u32>(entry, ENTRY_SEQUENCE_DELTA);
    return (
      Response.isBetween(record) &&
      load<u32>(record, RECORD_RESPONSES) == load<u32>(record, RECORD_REQUESTS) &&
      load<u32>(record, RECORD_CLIENT_NEXT) == load<u32>(record, RECORD_REQUEST_NEXT) &&
      load<u32>(record, RECORD_SERVER_NEXT) == acked
    );
  }

  /** Control waits for what has now come about. It is told once for each question. */
  @inline
  private static isAwaited(worker: usize, entry: usize, record: usize): bool {
    const flags = load<u32>(entry, ENTRY_FLAGS);
    if ((flags & FLAG_ASKED) == 0 || Framing.judge(entry, record) == RELEASE_LATER) return false;
    State.setFlags(entry, flags & ~FLAG_ASKED);
    store<u64>(Workers.id(worker), load<u64>(record, RECORD_ID_RUN));
    return true;
  }

  private static tell(worker: usize, entry: usize): void {
    Queue.push(worker, QUEUE_ANSWERED, Pool.index(entry), Workers.id(worker), 0, 0);
  }

  /** False: bytes before it are missing that have to be read. */
  @inline
  private static read(record: usize, tcp: usize, end: usize): bool {
    const from = Packet.headerEnd(tcp);
    if (from >= end) return true;
    const next = load<u32>(record, RECORD_RESPONSE_NEXT);
    const known = <i32>(next - bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)));
    const length = <i32>(end - from);
    if (known >= length) return true;
    if (known < 0 && !Response.skip(record, -known)) return false;
    Response.take(record, from + max(known, 0), end);
    store<u32>(record, next + <u32>(length - known), RECORD_RESPONSE_NEXT);
    return true;
  }

  @inline
  private static noteSent(entry: usize, record: usize, tcp: usize, end: usize): void {
    const behind = Packet.behind(tcp, end);
    if (<i32>(behind - load<u32>(record, RECORD_SERVER_NEXT)) > 0) {
      store<u32>(record, behind, RECORD_SERVER_NEXT);
    }
    const stamp = TcpOptions.timestamps(tcp, Packet.headerEnd(tcp));
    if (stamp == 0) return;
    const value = bswap<u32>(load<u32>(stamp)) + load<u32>(entry, ENTRY_TIMESTAMP_OFFSET);
    if (<i32>(value - load<u32>(record, RECORD_SERVER_TIMESTAMP)) > 0) {
      store<u32>(record, value, RECORD_SERVER_TIMESTAMP);
    }
  }

  /** An acknowledgment of what was sent; what was not sent nobody can acknowledge. */
  @inline
  private static noteAcked(entry: usize, record: usize, acked: u32): void {
    if (<i32>(acked - load<u32>(record, RECORD_CLIENT_ACK)) <= 0) return;
    const sent = load<u32>(record, RECORD_SERVER_NEXT) - load<u32>(entry, ENTRY_SEQUENCE_DELTA);
    if (<i32>(acked - sent) <= 0) store<u32>(record, acked, RECORD_CLIENT_ACK);
  }
}
