// Packets that belong to no connection yet. A SYN is answered with a cookie and leaves nothing
// behind; an ACK that proves the cookie makes an entry in GATHERING.
import { Cookie } from './answer/cookie';
import { Counters } from './counters';
import {
  DISPATCH_REQUEST,
  DISPATCH_SYN,
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_ADDRESS6,
  ENTRY_CLIENT_PORT,
  ENTRY_FLAGS,
  ENTRY_LAST_SEEN,
  ENTRY_LOCAL_ADDRESS4,
  ENTRY_STATE,
  ENTRY_SWITCH_SCALE,
  ENTRY_WORKER,
  FLAG_IPV6,
  FLAG_TIMESTAMPS,
  HEADER_GATHER_TIMEOUT,
  HEADER_LEAVING,
  HEADER_STRAY_BUDGET,
  NO_ENTRY,
  OPTION_TIMESTAMPS,
  QUEUE_OPEN,
  QUEUE_STRAY,
  RECORD_CLIENT_ACK,
  RECORD_CLIENT_ISN,
  RECORD_CLIENT_MSS,
  RECORD_CLIENT_NEXT,
  RECORD_CLIENT_SCALE,
  RECORD_CLIENT_WINDOW,
  RECORD_CREATED,
  RECORD_DEADLINE,
  RECORD_OPTIONS,
  RECORD_SERVICE,
  RECORD_SWITCH_ISN,
  RECORD_TIMESTAMP_RECENT,
  RECORD_TIMESTAMP_SWITCH,
  SCALE_NONE,
  SERVICE_DISPATCH,
  SERVICE_WINDOW_SCALE,
  SLOT_ENTRY,
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_VNET,
  STATE_GATHERING,
  TEMPLATE_RECORD,
  TEMPLATE_SIZE,
  WORKER_OWNER,
} from './layout';
import { Atomic } from './lookup/atomic';
import { WORKER_TRIES } from './lookup/bucket-lock';
import { State } from './lookup/state';
import { EXISTS, INSERT_BUSY, Table } from './lookup/table';
import { Packet } from './parse/packet';
import { Sender } from './parse/sender';
import { TcpOptions } from './parse/tcp-options';
import { Queue } from './queue';
import { Checksum } from './rewrite/checksum';
import { Services } from './services';
import { AGAIN } from './to-control';
import {
  COUNTER_COOKIES_ACCEPTED,
  COUNTER_COOKIES_SENT,
  DROP_ABSORBED,
  DROP_BAD_ADDRESS,
  DROP_BAD_CHECKSUM,
  DROP_BAD_COOKIE,
  DROP_HALF_OPEN_FULL,
  DROP_HEADER_ONLY_RESET,
  DROP_LEAVING,
  DROP_NO_ENTRY,
  DROP_NOT_SERVICE,
  DROP_TABLE_BUSY,
  DROP_TABLE_FULL,
  DROP_TO_CONTROL_FULL,
  VERDICT_ANSWER,
  VERDICT_TO_CONTROL,
} from './verdict';
import { IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';
import { IPV6_HEADER_SIZE, IPV6_SOURCE } from './wire/ipv6';
import {
  TCP_ACK,
  TCP_ACKNOWLEDGMENT,
  TCP_FIN,
  TCP_FLAGS,
  TCP_RST,
  TCP_SEQUENCE,
  TCP_SYN,
  TCP_WINDOW,
} from './wire/tcp';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from './wire/vnet';
import { Workers } from './workers';

const ADDRESSES4: usize = 8;
const ADDRESSES6: usize = 32;
const TIMESTAMP_SIZE: usize = 4;

export class NewConnection {
  /** A verdict, or AGAIN when another worker made the entry meanwhile. */
  static packet(worker: usize, slot: usize, six: bool, replaces: bool, nowMs: f64): u32 {
    const packet = slot + SLOT_PACKET;
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const service = Services.find(packet, six);
    if (service == 0) return DROP_NOT_SERVICE << 8;
    if (!Sender.isPossible(packet, tcp, six)) return DROP_BAD_ADDRESS << 8;
    const flags = (<u32>load<u8>(tcp, TCP_FLAGS)) & (TCP_SYN | TCP_ACK | TCP_RST);
    if (flags == TCP_SYN) {
      if (!NewConnection.isIntact(slot)) return DROP_BAD_CHECKSUM << 8;
      if (load<u32>(0, HEADER_LEAVING) != 0) return DROP_LEAVING << 8;
      if (NewConnection.passOn(worker, slot, service)) return VERDICT_TO_CONTROL;
      const header = Packet.headerEnd(tcp);
      const vnet = slot + SLOT_VNET;
      Services.toVip(service, packet, six);
      store<u32>(slot, Cookie.answer(packet, tcp, header, vnet, service, nowMs), SLOT_LENGTH);
      Counters.add(worker, COUNTER_COOKIES_SENT, 1);
      return VERDICT_ANSWER;
    }
    if ((flags & TCP_RST) != 0) return DROP_HEADER_ONLY_RESET << 8;
    if ((flags & TCP_ACK) == 0) return DROP_NO_ENTRY << 8;
    if (flags != TCP_ACK) return DROP_BAD_COOKIE << 8;
    const options = NewConnection.cookieOf(service, packet, tcp, six);
    if (options == 0) return NewConnection.stray(worker, slot);
    if (!NewConnection.isIntact(slot)) return DROP_BAD_CHECKSUM << 8;
    return NewConnection.open(worker, slot, six, service, options & 0x7fffffff, replaces, nowMs);
  }

  /**
   * Checksums are right (RFC 9293 section 3.1): no endpoint behind us looks at a packet that ends
   * here. What the device did not compute yet cannot be checked.
   */
  private static isIntact(slot: usize): bool {
    if ((load<u8>(slot + SLOT_VNET + VNET_FLAGS) & VNET_NEEDS_CSUM) != 0) return true;
    return Checksum.verifyPacket(slot + SLOT_PACKET, load<u32>(slot, SLOT_LENGTH)) != 0;
  }

  /**
   * A SYN to be given to a server as it is. False: it must be answered with a cookie, since this
   * service reads requests, or too many that were given away have not been followed by an ACK.
   */
  private static passOn(worker: usize, slot: usize, service: usize): bool {
    if (load<u8>(service, SERVICE_DISPATCH) != DISPATCH_SYN) return false;
    if (!State.admitUnproven()) return false;
    if (NewConnection.show(worker, slot, QUEUE_OPEN)) return true;
    State.dismissUnproven();
    return false;
  }

  /** The ACK answers a SYN-ACK of ours, or of a host with the same keys. */
  static isProven(packet: usize, tcp: usize, six: bool): bool {
    const service = Services.find(packet, six);
    return service != 0 && NewConnection.cookieOf(service, packet, tcp, six) != 0;
  }

  /** As Cookie.check. A cookie is made of what the client sees, so that it is good on every host. */
  private static cookieOf(service: usize, packet: usize, tcp: usize, six: bool): u32 {
    Services.toVip(service, packet, six);
    const options = Cookie.check(packet, tcp, Packet.headerEnd(tcp));
    Services.back(service, packet, six);
    return options;
  }

  /**
   * In the middle of a connection that nobody here knows: control may know why. What it is shown is
   * bounded by its budget, since forged ACKs cost their senders nothing.
   */
  private static stray(worker: usize, slot: usize): u32 {
    if (<i32>Atomic.load(HEADER_STRAY_BUDGET) <= 0) return DROP_BAD_COOKIE << 8;
    if (<i32>Atomic.add(HEADER_STRAY_BUDGET, -1) <= 0) return DROP_BAD_COOKIE << 8;
    if (NewConnection.show(worker, slot, QUEUE_STRAY)) return VERDICT_TO_CONTROL;
    return DROP_TO_CONTROL_FULL << 8;
  }

  /** To control, as a packet without entry and without handoff. False when the ring is full. */
  private static show(worker: usize, slot: usize, kind: u32): bool {
    const id = Workers.id(worker);
    store<u64>(id, 0);
    store<u32>(slot, NO_ENTRY, SLOT_ENTRY);
    return Queue.push(worker, kind, NO_ENTRY, id, 0, slot);
  }

  private static open(
    worker: usize,
    slot: usize,
    six: bool,
    service: usize,
    options: u32,
    replaces: bool,
    nowMs: f64,
  ): u32 {
    const packet = slot + SLOT_PACKET;
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const end = packet + load<u32>(slot, SLOT_LENGTH);
    const template = Workers.template(worker);
    memory.fill(template, 0, TEMPLATE_SIZE);
    NewConnection.fillEntry(template, worker, packet, tcp, six, service, options, nowMs);
    NewConnection.fillRecord(template + TEMPLATE_RECORD, tcp, service, options, nowMs);
    const entry = Table.insert(load<u32>(worker, WORKER_OWNER), template, replaces, WORKER_TRIES);
    if (entry == INSERT_BUSY) return DROP_TABLE_BUSY << 8;
    if ((entry & EXISTS) != 0) return AGAIN;
    Counters.add(worker, COUNTER_COOKIES_ACCEPTED, 1);
    store<u32>(slot, entry, SLOT_ENTRY);
    const fin = ((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_FIN) != 0;
    const waits = load<u8>(service, SERVICE_DISPATCH) == DISPATCH_REQUEST;
    if (waits && !fin && Packet.textLength(tcp, end) == 0) {
      if (entry != NO_ENTRY) return DROP_ABSORBED << 8;
      return (State.hasRoom() ? DROP_TABLE_FULL : DROP_HALF_OPEN_FULL) << 8;
    }
    // the template's id is 0/0: no handoff yet
    if (Queue.push(worker, QUEUE_OPEN, entry, Workers.id(worker), options, slot)) {
      return VERDICT_TO_CONTROL;
    }
    return DROP_TO_CONTROL_FULL << 8;
  }

  @inline
  private static fillEntry(
    template: usize,
    worker: usize,
    packet: usize,
    tcp: usize,
    six: bool,
    service: usize,
    options: u32,
    nowMs: f64,
  ): void {
    if (six) memory.copy(template + ENTRY_CLIENT_ADDRESS6, packet + IPV6_SOURCE, ADDRESSES6);
    else memory.copy(template + ENTRY_CLIENT_ADDRESS4, packet + IPV4_SOURCE, ADDRESSES4);
    store<u32>(template, load<u32>(tcp), ENTRY_CLIENT_PORT);
    store<u32>(template, STATE_GATHERING, ENTRY_STATE);
    const timestamps = ((options >> 24) & OPTION_TIMESTAMPS) != 0;
    const flags = (six ? FLAG_IPV6 : 0) | (timestamps ? FLAG_TIMESTAMPS : 0);
    store<u32>(template, flags, ENTRY_FLAGS);
    const scaled = ((options >> 16) & 0xff) != SCALE_NONE;
    store<u8>(template, scaled ? load<u8>(service, SERVICE_WINDOW_SCALE) : 0, ENTRY_SWITCH_SCALE);
    store<u8>(template, <u8>Workers.index(worker), ENTRY_WORKER);
    store<u32>(template, <u32>(nowMs / 1000), ENTRY_LAST_SEEN);
  }

  @inline
  private static fillRecord(
    record: usize,
    tcp: usize,
    service: usize,
    options: u32,
    nowMs: f64,
  ): void {
    const sequence = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE));
    const acknowledged = bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT));
    store<u32>(record, sequence - 1, RECORD_CLIENT_ISN);
    store<u32>(record, acknowledged - 1, RECORD_SWITCH_ISN);
    store<u16>(record, <u16>Services.index(service), RECORD_SERVICE);
    store<u16>(record, <u16>options, RECORD_CLIENT_MSS);
    store<u8>(record, <u8>(options >> 16), RECORD_CLIENT_SCALE);
    store<u8>(record, <u8>(options >> 24), RECORD_OPTIONS);
    store<u32>(record, sequence, RECORD_CLIENT_NEXT);
    store<u32>(record, acknowledged, RECORD_CLIENT_ACK);
    const timestamps = TcpOptions.timestamps(tcp, Packet.headerEnd(tcp));
    if (timestamps != 0) {
      store<u32>(record, bswap<u32>(load<u32>(timestamps)), RECORD_TIMESTAMP_RECENT);
      const echoed = load<u32>(timestamps + TIMESTAMP_SIZE);
      store<u32>(record, bswap<u32>(echoed), RECORD_TIMESTAMP_SWITCH);
    }
    // what is dispatched by its ACK is due at once: its client may never send another packet
    const waits = load<u8>(service, SERVICE_DISPATCH) == DISPATCH_REQUEST;
    const timeout = waits ? load<f64>(0, HEADER_GATHER_TIMEOUT) : 0;
    store<f64>(record, nowMs + timeout, RECORD_DEADLINE);
    store<f64>(record, nowMs, RECORD_CREATED);
    store<u16>(record, bswap<u16>(load<u16>(tcp, TCP_WINDOW)), RECORD_CLIENT_WINDOW);
  }
}

if (ENTRY_LOCAL_ADDRESS4 != ENTRY_CLIENT_ADDRESS4 + 4) ERROR('layout: addresses');
