// The switch's part of the fast path: SYNs are answered with cookies, valid ACKs become entries,
// packets of connections that were handed off get the server's address, everything else goes to
// control or ends here.
import { Counters } from './counters';
import { NewConnection } from './new-connection';
import {
  ENTRY_SERVER_PORT,
  ENTRY_STATE,
  NO_ENTRY,
  OPTION_TIMESTAMPS,
  RECORD_CLIENT_ISN,
  RECORD_NEXT_ISN,
  RECORD_OPTIONS,
  RECORD_REQUEST_NEXT,
  RECORD_REQUESTS,
  RECORD_SWITCH_ISN,
  RECORD_TIMESTAMP_RECENT,
  SLOT_ENTRY,
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_VNET,
  STATE_CLOSED,
  STATE_FORWARD,
  STATE_REQUESTS,
  STATE_PASSED,
  STATE_UNPROVEN,
  WORKER_OWNER,
} from './layout';
import { BucketLock, WORKER_TRIES } from './lookup/bucket-lock';
import { Chain, KEY_LOCAL4, KEY_LOCAL6 } from './lookup/chain';
import { Hash } from './lookup/hash';
import { LastSeen } from './lookup/last-seen';
import { Pool } from './lookup/pool';
import { BUSY, Reader } from './lookup/reader';
import { State } from './lookup/state';
import { Table } from './lookup/table';
import { Packet } from './parse/packet';
import { TcpOptions } from './parse/tcp-options';
import { ToServer } from './rewrite/to-server';
import { AGAIN, ToControl } from './to-control';
import { COUNTER_LATE, DROP_NO_ENTRY, DROP_TABLE_BUSY, VERDICT_FORWARD } from './verdict';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_SOURCE } from './wire/ipv6';
import { TCP_ACK, TCP_ACKNOWLEDGMENT, TCP_FLAGS, TCP_RST, TCP_SEQUENCE, TCP_SYN } from './wire/tcp';
import { Workers } from './workers';

const ATTEMPTS: u32 = 4;
/** Bytes that a server sends before its client's first ACK; of those numbers nobody guesses one. */
const FIRST_FLIGHT: u32 = 65535;

// what age() says
const UNKNOWN: u32 = 0;
const OLDER: u32 = 1;
const YOUNGER: u32 = 2;

export class AtSwitch {
  static packet(worker: usize, slot: usize, six: bool, paper: bool, nowMs: f64): u32 {
    const copy = Workers.copy(worker);
    const entry = AtSwitch.find(worker, slot, six, copy, paper);
    if (entry > BUSY && load<u32>(copy, ENTRY_STATE) == STATE_FORWARD) {
      store<u32>(slot, Pool.index(entry), SLOT_ENTRY);
      LastSeen.touch(entry, copy, nowMs);
      return AtSwitch.forward(slot, six, copy);
    }
    return AtSwitch.unusual(worker, slot, six, paper, entry, nowMs);
  }

  /** A packet that control held; its entry is in Workers.copy. */
  static held(worker: usize, slot: usize, six: bool): u32 {
    const copy = Workers.copy(worker);
    const packet = slot + SLOT_PACKET;
    const matches = six
      ? Chain.matches(
          KEY_LOCAL6,
          copy,
          packet + IPV6_SOURCE,
          packet + IPV6_DESTINATION,
          load<u32>(packet, IPV6_HEADER_SIZE),
        )
      : Chain.matches(
          KEY_LOCAL4,
          copy,
          packet + IPV4_SOURCE,
          packet + IPV4_DESTINATION,
          load<u32>(packet, IPV4_HEADER_SIZE),
        );
    return matches ? AtSwitch.forwardIfHandedOff(slot, six, copy) : DROP_NO_ENTRY << 8;
  }

  @inline
  private static find(worker: usize, slot: usize, six: bool, copy: usize, paper: bool): usize {
    const packet = slot + SLOT_PACKET;
    if (six) {
      const client = packet + IPV6_SOURCE;
      const ports = load<u32>(packet, IPV6_HEADER_SIZE);
      const hash = Hash.client6(client, ports & 0xffff, paper);
      const local = packet + IPV6_DESTINATION;
      return Reader.find(KEY_LOCAL6, worker, hash, client, local, ports, copy, paper);
    }
    const client = packet + IPV4_SOURCE;
    const ports = load<u32>(packet, IPV4_HEADER_SIZE);
    const hash = Hash.client4(load<u32>(client), ports & 0xffff, paper);
    const local = packet + IPV4_DESTINATION;
    return Reader.find(KEY_LOCAL4, worker, hash, client, local, ports, copy, paper);
  }

  @inline
  private static forward(slot: usize, six: bool, copy: usize): u32 {
    const packet = slot + SLOT_PACKET;
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    ToServer.switch(packet, tcp, slot + SLOT_VNET, copy);
    return VERDICT_FORWARD;
  }

  @inline
  private static forwardIfHandedOff(slot: usize, six: bool, copy: usize): u32 {
    if (load<u16>(copy, ENTRY_SERVER_PORT) == 0) return DROP_NO_ENTRY << 8;
    return AtSwitch.forward(slot, six, copy);
  }

  /** All but the packet of an entry in FORWARD. Looks again when the entry changed meanwhile. */
  private static unusual(
    worker: usize,
    slot: usize,
    six: bool,
    paper: bool,
    first: usize,
    nowMs: f64,
  ): u32 {
    const copy = Workers.copy(worker);
    let entry = first;
    for (let left = ATTEMPTS; left != 0; --left) {
      store<u32>(slot, entry > BUSY ? Pool.index(entry) : NO_ENTRY, SLOT_ENTRY);
      if (entry == BUSY) break;
      const verdict =
        entry == 0
          ? NewConnection.packet(worker, slot, six, false, nowMs)
          : AtSwitch.known(worker, slot, six, entry, nowMs);
      if (verdict != AGAIN) return verdict;
      entry = AtSwitch.find(worker, slot, six, copy, paper);
    }
    return DROP_TABLE_BUSY << 8;
  }

  /** A packet of an entry that was copied. */
  private static known(worker: usize, slot: usize, six: bool, entry: usize, nowMs: f64): u32 {
    const copy = Workers.copy(worker);
    const state = load<u32>(copy, ENTRY_STATE);
    const tcp = slot + SLOT_PACKET + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    LastSeen.touch(entry, copy, nowMs);
    if (state == STATE_FORWARD) return AtSwitch.forward(slot, six, copy);
    if (state == STATE_REQUESTS) return AtSwitch.bounded(worker, slot, six, tcp, entry);
    if (state == STATE_PASSED) return AtSwitch.late(worker, slot, six);
    if (state == STATE_UNPROVEN) return AtSwitch.unproven(worker, slot, six, tcp, entry);
    if (state == STATE_CLOSED) return AtSwitch.closed(worker, slot, six, tcp, entry, nowMs);
    return ToControl.packet(worker, slot, entry);
  }

  /** Was on its way when the switch in front learnt where it should go. */
  private static late(worker: usize, slot: usize, six: bool): u32 {
    Counters.add(worker, COUNTER_LATE, 1);
    return AtSwitch.forward(slot, six, Workers.copy(worker));
  }

  /**
   * A connection whose server has got nothing but the client's SYN. Who acknowledges the sequence number
   * that the SYN-ACK had was sent it: from then on the entry is like any other. A distributor may have
   * made its cookie in another epoch than was expected: any that is good proves the client.
   */
  private static unproven(worker: usize, slot: usize, six: bool, tcp: usize, entry: usize): u32 {
    const flags = (<u32>load<u8>(tcp, TCP_FLAGS)) & (TCP_SYN | TCP_ACK | TCP_RST);
    const first = load<u32>(Pool.record(entry), RECORD_SWITCH_ISN) + 1;
    const ahead = bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT)) - first;
    if (flags == TCP_ACK) {
      const isn = load<u32>(Pool.record(entry), RECORD_CLIENT_ISN);
      const isFirst = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) - 1 == isn;
      const proves =
        ahead <= FIRST_FLIGHT || (isFirst && NewConnection.isProven(slot + SLOT_PACKET, tcp, six));
      if (proves) AtSwitch.prove(worker, entry);
    }
    return AtSwitch.forwardIfHandedOff(slot, six, Workers.copy(worker));
  }

  /**
   * A connection of which each request is dispatched: what may belong to one that control has not seen
   * goes there, acknowledgments and the rest of the known one do not.
   */
  private static bounded(worker: usize, slot: usize, six: bool, tcp: usize, entry: usize): u32 {
    const behind = Packet.behind(tcp, slot + SLOT_PACKET + load<u32>(slot, SLOT_LENGTH));
    if (behind == bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)))
      return AtSwitch.forward(slot, six, Workers.copy(worker));
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, WORKER_TRIES);
    if (bucket == 0) return AGAIN;
    const same = Chain.sameKey(entry, Workers.copy(worker)) && State.of(entry) == STATE_REQUESTS;
    const next = load<u32>(Pool.record(entry), RECORD_REQUEST_NEXT);
    const isKnown = load<u32>(Pool.record(entry), RECORD_REQUESTS) != 0;
    BucketLock.release(bucket);
    if (!same) return AGAIN;
    if (!isKnown || <i32>(behind - next) > 0) return ToControl.packet(worker, slot, entry);
    return AtSwitch.forward(slot, six, Workers.copy(worker));
  }

  private static prove(worker: usize, entry: usize): void {
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, WORKER_TRIES);
    if (bucket == 0) return; // the client's next ACK does it
    const same = Chain.sameKey(entry, Workers.copy(worker));
    if (same && State.of(entry) == STATE_UNPROVEN) State.set(entry, STATE_FORWARD);
    BucketLock.release(bucket);
  }

  /**
   * The client may use its port again at once; what still belongs to the old connection is
   * forwarded.
   */
  private static closed(
    worker: usize,
    slot: usize,
    six: bool,
    tcp: usize,
    entry: usize,
    nowMs: f64,
  ): u32 {
    const flags = (<u32>load<u8>(tcp, TCP_FLAGS)) & (TCP_SYN | TCP_ACK | TCP_RST);
    const sequence = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE));
    const record = Pool.record(entry);
    const isn = load<u32>(record, RECORD_CLIENT_ISN);
    if (flags == TCP_SYN && sequence != isn) {
      if (AtSwitch.mayBeNext(record, tcp, sequence)) {
        AtSwitch.noteNext(worker, entry, record, sequence);
      }
      return NewConnection.packet(worker, slot, six, false, nowMs);
    }
    if (flags == TCP_ACK && sequence - 1 != isn && AtSwitch.isNext(record, tcp, sequence - 1)) {
      if (NewConnection.isProven(slot + SLOT_PACKET, tcp, six)) {
        return NewConnection.packet(worker, slot, six, true, nowMs);
      }
    }
    return AtSwitch.forwardIfHandedOff(slot, six, Workers.copy(worker));
  }

  /** The next connection of these ports has begun. */
  private static noteNext(worker: usize, entry: usize, record: usize, isn: u32): void {
    if (load<u32>(record, RECORD_NEXT_ISN) == isn) return;
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, WORKER_TRIES);
    if (bucket == 0) return; // the SYN comes again
    const same = Chain.sameKey(entry, Workers.copy(worker)) && State.of(entry) == STATE_CLOSED;
    if (same) store<u32>(record, isn, RECORD_NEXT_ISN);
    BucketLock.release(bucket);
  }

  /**
   * Whether an ACK can be of a connection after the closed one: it began with the newest SYN, or has
   * a higher ISN or a newer timestamp (as RFC 6191 asks of a SYN in TIME-WAIT). Else it is a copy
   * that the network kept from a connection before; its cookie is still valid, its request served.
   */
  private static isNext(record: usize, tcp: usize, isn: u32): bool {
    if (isn == load<u32>(record, RECORD_NEXT_ISN)) return true;
    if (<i32>(isn - load<u32>(record, RECORD_CLIENT_ISN)) > 0) return true;
    return AtSwitch.age(record, tcp) == YOUNGER;
  }

  /**
   * Whether a SYN can begin the next connection. A kept copy of an older one must not open the way
   * for a kept copy of the request that followed it; only timestamps tell which of two lower ISNs
   * is that, and a client that draws its ISNs must not be shut out.
   */
  private static mayBeNext(record: usize, tcp: usize, isn: u32): bool {
    if (<i32>(isn - load<u32>(record, RECORD_CLIENT_ISN)) > 0) return true;
    return AtSwitch.age(record, tcp) != OLDER;
  }

  /** What the timestamp says about a packet and the closed connection. */
  private static age(record: usize, tcp: usize): u32 {
    if (((<u32>load<u8>(record, RECORD_OPTIONS)) & OPTION_TIMESTAMPS) == 0) return UNKNOWN;
    const stamp = TcpOptions.timestamps(tcp, Packet.headerEnd(tcp));
    if (stamp == 0) return UNKNOWN;
    const recent = load<u32>(record, RECORD_TIMESTAMP_RECENT);
    const ahead = <i32>(bswap<u32>(load<u32>(stamp)) - recent);
    if (ahead == 0) return UNKNOWN;
    return ahead > 0 ? YOUNGER : OLDER;
  }
}
