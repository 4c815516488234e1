// The agent's part of the fast path: both directions of a connection that was replayed into this host's
// kernel are translated, so that each side sees the numbers it expects.
import { Closing } from './closing';
import { Direction } from './direction';
import { Framing, UNASKED } from './framing';
import {
  ENTRY_FLAGS,
  ENTRY_LEASE,
  ENTRY_STATE,
  FLAG_AT_BOUNDARY,
  FLAG_CLIENT_FIN,
  FLAG_HEADS,
  FLAG_REQUESTS,
  FLAG_SERVER_FIN,
  FLAG_SILENT,
  FLAG_WATCHED,
  HEADER_LEASE_BASE,
  LEASE_SIZE,
  NO_ENTRY,
  QUEUE_PACKET,
  QUEUE_SYN_ACK,
  QUEUE_WATCHED,
  RECORD_CLIENT_FIN,
  RECORD_CLIENT_NEXT,
  SLOT_ENTRY,
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_VNET,
  STATE_CLOSED,
  STATE_FORWARD,
  STATE_RELEASING,
  WATCHED_HEAD_LIMIT,
} from './layout';
import { KEY_LOCAL4, KEY_LOCAL6, KEY_SERVER4, KEY_SERVER6 } from './lookup/chain';
import { Hash } from './lookup/hash';
import { LastSeen } from './lookup/last-seen';
import { Pool } from './lookup/pool';
import { BUSY, Reader } from './lookup/reader';
import { Packet } from './parse/packet';
import { Queue } from './queue';
import { ToClient } from './rewrite/to-client';
import { ToServer } from './rewrite/to-server';
import { Resets } from './resets';
import { Splice } from './splice';
import { AGAIN, ToControl } from './to-control';
import {
  DROP_LEASE_EXPIRED,
  DROP_NO_ENTRY,
  DROP_SILENT,
  DROP_TABLE_BUSY,
  DROP_TO_CONTROL_FULL,
  VERDICT_FORWARD,
  VERDICT_TO_CONTROL,
} from './verdict';
import { IPV4_HEADER_SIZE } from './wire/ipv4';
import { IPV6_HEADER_SIZE } from './wire/ipv6';
import { TCP_FIN, TCP_FLAGS, TCP_RST, TCP_SEQUENCE, TCP_SYN } from './wire/tcp';
import { Workers } from './workers';

const ATTEMPTS: u32 = 4;
/** Sequence numbers: a next connection's ISN is past that after 70 ms of Linux's clock (RFC 6528). */
const LATE_RANGE: i32 = 1 << 20;

/** How a response begins, as a little-endian word. */
const HTTP: u32 = 0x50545448;

export class AtAgent {
  static packet(worker: usize, slot: usize, six: bool, paper: bool, nowMs: f64): u32 {
    const copy = Workers.copy(worker);
    const reply = Direction.isReply(slot + SLOT_PACKET, six);
    const spliced = reply && Splice.isOn();
    const index = spliced ? Splice.index(slot + SLOT_PACKET, six) : 0;
    for (let left = ATTEMPTS; left != 0; --left) {
      const entry = spliced
        ? Splice.find(slot, six, index, copy)
        : AtAgent.find(worker, slot, six, reply, copy, paper);
      if (entry <= BUSY) {
        store<u32>(slot, NO_ENTRY, SLOT_ENTRY);
        return (entry == 0 ? DROP_NO_ENTRY : DROP_TABLE_BUSY) << 8;
      }
      store<u32>(slot, Pool.index(entry), SLOT_ENTRY);
      LastSeen.touch(entry, copy, nowMs);
      const verdict = AtAgent.known(worker, slot, six, reply, entry, nowMs);
      if (verdict != AGAIN) return verdict;
    }
    return DROP_TABLE_BUSY << 8;
  }

  /** A packet that control held; its entry is in Workers.copy. */
  static held(worker: usize, slot: usize, six: bool, entry: usize, nowMs: f64): u32 {
    const packet = slot + SLOT_PACKET;
    const copy = Workers.copy(worker);
    // a spliced reply has its client for destination since it was queued
    const reply = Splice.isOn()
      ? !Direction.matches(packet, six, false, copy)
      : Direction.isReply(packet, six);
    if (!Direction.matches(packet, six, reply, copy)) return DROP_NO_ENTRY << 8;
    return AtAgent.translate(worker, slot, six, reply, entry, nowMs);
  }

  @inline
  private static find(
    worker: usize,
    slot: usize,
    six: bool,
    reply: bool,
    copy: usize,
    paper: bool,
  ): usize {
    const packet = slot + SLOT_PACKET;
    const client = Direction.client(packet, six, reply);
    const other = Direction.other(packet, six, reply);
    const ports = Direction.ports(packet, six, reply);
    if (six) {
      const hash = Hash.client6(client, ports & 0xffff, paper);
      return reply
        ? Reader.find(KEY_SERVER6, worker, hash, client, other, ports, copy, paper)
        : Reader.find(KEY_LOCAL6, worker, hash, client, other, ports, copy, paper);
    }
    const hash = Hash.client4(load<u32>(client), ports & 0xffff, paper);
    return reply
      ? Reader.find(KEY_SERVER4, worker, hash, client, other, ports, copy, paper)
      : Reader.find(KEY_LOCAL4, worker, hash, client, other, ports, copy, paper);
  }

  /** A verdict, or AGAIN when the entry changed since it was copied. */
  @inline
  private static known(
    worker: usize,
    slot: usize,
    six: bool,
    reply: bool,
    entry: usize,
    nowMs: f64,
  ): u32 {
    const copy = Workers.copy(worker);
    const state = load<u32>(copy, ENTRY_STATE);
    if (state == STATE_RELEASING) return DROP_SILENT << 8;
    if (reply && (load<u32>(copy, ENTRY_FLAGS) & (FLAG_SILENT | FLAG_AT_BOUNDARY)) != 0) {
      const reason = AtAgent.muted(copy, nowMs);
      if (reason != 0) return reason << 8;
    }
    if (state != STATE_FORWARD && state != STATE_CLOSED) {
      return ToControl.packet(worker, slot, entry);
    }
    if (state == STATE_CLOSED && !reply && !AtAgent.isLate(slot, six, entry)) {
      return DROP_SILENT << 8;
    }
    return AtAgent.translate(worker, slot, six, reply, entry, nowMs);
  }

  /**
   * Whether a packet can be of the closed connection itself. A next one of the same ports belongs to the
   * switch alone: a kernel in TIME-WAIT would take its SYN past the dispatcher, one that has forgotten
   * the old connection would reset it. What is dropped is sent again when the switch knows of the close.
   */
  private static isLate(slot: usize, six: bool, entry: usize): bool {
    const tcp = slot + SLOT_PACKET + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    if (((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_SYN) != 0) return false;
    const record = Pool.record(entry);
    const ended = (load<u32>(entry, ENTRY_FLAGS) & FLAG_CLIENT_FIN) != 0;
    const last = load<u32>(record + (ended ? RECORD_CLIENT_FIN : RECORD_CLIENT_NEXT));
    const behind = <i32>(last - bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)));
    return behind <= LATE_RANGE && behind >= (ended ? 0 : -LATE_RANGE);
  }

  /** Why nothing may go to the client now, 0 when it may. */
  @inline
  private static muted(copy: usize, nowMs: f64): u32 {
    if ((load<u32>(copy, ENTRY_FLAGS) & FLAG_SILENT) != 0) return DROP_SILENT;
    const lease = <usize>load<u32>(0, HEADER_LEASE_BASE) + load<u8>(copy, ENTRY_LEASE) * LEASE_SIZE;
    return nowMs > load<f64>(lease) ? DROP_LEASE_EXPIRED : 0;
  }

  /** Rewrites in place. FINs, their acknowledgments and RSTs are followed in the server's own numbers. */
  @inline
  private static translate(
    worker: usize,
    slot: usize,
    six: bool,
    reply: bool,
    entry: usize,
    nowMs: f64,
  ): u32 {
    const copy = Workers.copy(worker);
    const packet = slot + SLOT_PACKET;
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const end = packet + load<u32>(slot, SLOT_LENGTH);
    const closing =
      ((<u32>load<u8>(tcp, TCP_FLAGS)) & (TCP_FIN | TCP_RST)) |
      (load<u32>(copy, ENTRY_FLAGS) & (FLAG_CLIENT_FIN | FLAG_SERVER_FIN));
    if (reply) {
      if (((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_SYN) != 0) {
        return AtAgent.reportSynAck(worker, slot, entry);
      }
      if ((load<u32>(copy, ENTRY_FLAGS) & FLAG_REQUESTS) != 0) {
        const reason = Framing.reply(worker, tcp, end, entry);
        if (reason == UNASKED) return AtAgent.queue(worker, slot, entry, QUEUE_PACKET);
        if (reason != 0) return reason << 8;
      }
      if (closing != 0) Closing.observe(worker, tcp, end, true, entry, nowMs);
      if ((load<u32>(copy, ENTRY_FLAGS) & FLAG_WATCHED) != 0) {
        AtAgent.show(worker, slot, entry, Packet.headerEnd(tcp), end);
      }
      ToClient.agent(packet, tcp, Packet.headerEnd(tcp), slot + SLOT_VNET, copy);
    } else {
      const flags = (<u32>load<u8>(tcp, TCP_FLAGS)) & (TCP_RST | TCP_SYN);
      const reset = (flags & TCP_RST) != 0;
      if (flags != 0) Resets.report(worker, slot, entry);
      if ((flags & TCP_SYN) != 0) return DROP_SILENT << 8;
      if ((load<u32>(copy, ENTRY_FLAGS) & FLAG_REQUESTS) != 0) {
        Framing.request(worker, tcp, end, entry);
      }
      ToServer.agent(packet, tcp, Packet.headerEnd(tcp), slot + SLOT_VNET, copy);
      if (closing != 0 && !reset) Closing.observe(worker, tcp, end, false, entry, nowMs);
      if (Splice.isOn()) Splice.outward(slot, six, Pool.index(entry), Workers.template(worker));
    }
    return VERDICT_FORWARD;
  }

  /** Control may look at what the server says; a copy that finds no room is not worth waiting for. */
  private static show(worker: usize, slot: usize, entry: usize, from: usize, end: usize): void {
    if (end <= from) return;
    const heads = (load<u32>(Workers.copy(worker), ENTRY_FLAGS) & FLAG_HEADS) != 0;
    if (heads && (end < from + sizeof<u32>() || load<u32>(from) != HTTP)) return;
    if (!ToControl.identify(worker, entry)) return;
    const length = load<u32>(slot, SLOT_LENGTH);
    if (heads && length > <u32>WATCHED_HEAD_LIMIT)
      store<u32>(slot, WATCHED_HEAD_LIMIT, SLOT_LENGTH);
    Queue.push(worker, QUEUE_WATCHED, Pool.index(entry), Workers.id(worker), 0, slot);
    store<u32>(slot, length, SLOT_LENGTH);
  }

  /**
   * The kernel waits for the ACK of the handshake. Control knows who sends it: itself, if the switch
   * answered the client's SYN, else the client, which must get a SYN-ACK as the switch would send it.
   */
  private static reportSynAck(worker: usize, slot: usize, entry: usize): u32 {
    if (load<u32>(Workers.copy(worker), ENTRY_STATE) == STATE_CLOSED) return DROP_SILENT << 8;
    if (!ToControl.identify(worker, entry)) return DROP_NO_ENTRY << 8;
    return AtAgent.queue(worker, slot, entry, QUEUE_SYN_ACK);
  }

  /** The packet, for control; the entry's handoff id stands in Workers.id. */
  private static queue(worker: usize, slot: usize, entry: usize, kind: u32): u32 {
    const id = Workers.id(worker);
    const hasRoom = Queue.push(worker, kind, Pool.index(entry), id, 0, slot);
    return hasRoom ? VERDICT_TO_CONTROL : DROP_TO_CONTROL_FULL << 8;
  }
}
