import * as L from '../../assembly/layout.ts';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Random } from '../../src/lab/random.ts';

/** One option of a generated TCP header, by what the rewriting must do with it. */
export interface OptionPart {
  kind: 'nop' | 'sack' | 'timestamps' | 'other' | 'broken';
  bytes: Uint8Array;
}

export interface Connection {
  six: boolean;
  local: Uint8Array;
  server: Uint8Array;
  vip: Uint8Array;
  localPort: number;
  serverPort: number;
  vipPort: number;
  delta: number;
  offset: number;
  serverScale: number;
  switchScale: number;
}

/** A packet whose parts are known, so that the expected result needs no parser. */
export interface ModelPacket {
  bytes: Uint8Array;
  six: boolean;
  partial: boolean;
  options: OptionPart[];
}

export const headerSize = (six: boolean): number => (six ? 40 : 20);

/** RFC 1071 in network order; 0 only if all is 0. */
export function sum(bytes: Uint8Array, start = 0): number {
  let total = start;
  for (let i = 0; i < bytes.length; i++) total += i % 2 === 0 ? bytes[i]! * 256 : bytes[i]!;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 65536);
  return total;
}

/** Sets both checksums by full computation, the TCP one as the pseudo header's sum if partial. */
export function complete({ bytes, six, partial }: ModelPacket): void {
  const view = new DataView(bytes.buffer);
  const tcp = headerSize(six);
  if (!six) {
    view.setUint16(10, 0);
    view.setUint16(10, 0xffff ^ sum(bytes.subarray(0, 20)));
  }
  view.setUint16(tcp + 16, 0);
  const addresses = six ? bytes.subarray(8, 40) : bytes.subarray(12, 20);
  const pseudo = sum(addresses, 6 + bytes.length - tcp);
  view.setUint16(tcp + 16, partial ? pseudo : 0xffff ^ sum(bytes.subarray(tcp), pseudo));
}

/** Numbers at which one's complement arithmetic goes wrong are as likely as all others together. */
export function word(random: Random): number {
  return random.chance(0.5)
    ? random.pick([0, 1, 0xffff, 0x10000, 0xffff0000, 0xfffffffe, 0xffffffff])
    : random.next();
}

function address(random: Random, six: boolean): Uint8Array {
  const bytes = new Uint8Array(six ? 16 : 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) view.setUint32(at, word(random));
  return bytes;
}

export function randomConnection(random: Random): Connection {
  const six = random.chance(0.4);
  return {
    six,
    local: address(random, six),
    server: address(random, six),
    vip: address(random, six),
    localPort: word(random) & 0xffff,
    serverPort: word(random) & 0xffff,
    vipPort: word(random) & 0xffff,
    delta: word(random),
    offset: word(random),
    serverScale: random.below(15),
    switchScale: random.below(15),
  };
}

function option(random: Random, kind: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let at = 2; at + 4 <= length; at += 4) view.setUint32(at, word(random));
  bytes[0] = kind;
  bytes[1] = length;
  return bytes;
}

/**
 * Up to 40 bytes of options in any order and at any alignment; sometimes the list ends in nonsense.
 */
export function randomOptions(random: Random): OptionPart[] {
  const timestamps = (): OptionPart => ({ kind: 'timestamps', bytes: option(random, 8, 10) });
  const nop = (): OptionPart => ({ kind: 'nop', bytes: Uint8Array.of(1) });
  if (random.chance(0.3)) return random.chance(0.3) ? [] : [nop(), nop(), timestamps()];
  const parts: OptionPart[] = [];
  let left = 40;
  for (let count = random.below(8); count > 0; count--) {
    const part = random.pick<() => OptionPart>([
      nop,
      timestamps,
      () => ({ kind: 'sack', bytes: option(random, 5, 2 + 8 * random.between(1, 4)) }),
      () => ({
        kind: 'other',
        bytes: option(random, random.pick([2, 3, 30, 254]), random.between(2, 9)),
      }),
      () => ({
        kind: 'other',
        bytes: option(random, random.pick([5, 8]), random.pick([2, 6, 9, 11, 14])),
      }),
    ])();
    if (part.bytes.length > left) break;
    left -= part.bytes.length;
    parts.push(part);
  }
  const size = 40 - left;
  const fill = (4 - (size % 4)) % 4;
  const broken = random.chance(0.2) && fill > 0;
  for (let i = 0; i < fill; i++) {
    const byte = broken ? random.pick([0, 5, 8, 99]) : 1;
    parts.push({ kind: byte === 1 ? 'nop' : 'broken', bytes: Uint8Array.of(byte) });
  }
  return parts;
}

/** `from` and `to` are addresses; ports, flags and the rest are random. */
export function randomPacket(
  random: Random,
  six: boolean,
  addresses: [from: Uint8Array, to: Uint8Array],
  ports: [from: number, to: number],
  options: OptionPart[],
): ModelPacket {
  const size = options.reduce((total, part) => total + part.bytes.length, 0);
  const tcp = headerSize(six);
  const payload = random.chance(0.02) ? random.between(1000, 40000) : random.below(40);
  const bytes = new Uint8Array(tcp + 20 + size + payload);
  const view = new DataView(bytes.buffer);
  bytes[0] = six ? 0x60 : 0x45;
  bytes[six ? 6 : 9] = 6;
  bytes[six ? 7 : 8] = random.pick([1, 63, 64, 128, 255]);
  view.setUint16(six ? 4 : 2, six ? bytes.length - tcp : bytes.length);
  if (!six) view.setUint32(4, word(random) & 0xffff4000);
  bytes.set(addresses[0], six ? 8 : 12);
  bytes.set(addresses[1], six ? 24 : 16);
  view.setUint16(tcp, ports[0]);
  view.setUint16(tcp + 2, ports[1]);
  view.setUint32(tcp + 4, word(random));
  view.setUint32(tcp + 8, word(random));
  bytes[tcp + 12] = (5 + size / 4) << 4;
  bytes[tcp + 13] = random.pick([0x10, 0x18, 0x11, 0x02, 0x04, 0x12, 0x14, random.below(256)]);
  view.setUint16(tcp + 14, word(random) & 0xffff);
  let at = tcp + 20;
  for (const part of options) {
    bytes.set(part.bytes, at);
    at += part.bytes.length;
  }
  for (let i = at; i < bytes.length; i++) bytes[i] = random.next();
  const packet = { bytes, six, partial: random.chance(0.3), options };
  return packet;
}

/** Writes the connection as an entry; the deltas are left to the core. */
export function writeEntry(view: DataView, entry: number, connection: Connection): void {
  const { six } = connection;
  const bytes = new Uint8Array(view.buffer, entry, L.ENTRY_SIZE).fill(0);
  view.setUint32(entry + L.ENTRY_FLAGS, six ? L.FLAG_IPV6 : 0, true);
  bytes.set(connection.local, six ? L.ENTRY_LOCAL_ADDRESS6 : L.ENTRY_LOCAL_ADDRESS4);
  bytes.set(connection.server, six ? L.ENTRY_SERVER_ADDRESS6 : L.ENTRY_SERVER_ADDRESS4);
  bytes.set(connection.vip, six ? L.ENTRY_VIP_ADDRESS6 : L.ENTRY_VIP_ADDRESS4);
  view.setUint16(entry + L.ENTRY_LOCAL_PORT, connection.localPort);
  view.setUint16(entry + L.ENTRY_SERVER_PORT, connection.serverPort);
  view.setUint16(entry + L.ENTRY_VIP_PORT, connection.vipPort);
  view.setUint32(entry + L.ENTRY_SEQUENCE_DELTA, connection.delta, true);
  view.setUint32(entry + L.ENTRY_TIMESTAMP_OFFSET, connection.offset, true);
  bytes[L.ENTRY_SERVER_SCALE] = connection.serverScale;
  bytes[L.ENTRY_SWITCH_SCALE] = connection.switchScale;
}

/** Calls `change` with the address of each option's kind byte that Linux would read. */
export function eachOption(
  packet: ModelPacket,
  change: (part: OptionPart, at: number) => void,
): void {
  let at = headerSize(packet.six) + 20;
  for (const part of packet.options) {
    if (part.kind === 'broken') return;
    change(part, at);
    at += part.bytes.length;
  }
}

export type Direction = 'switch' | 'agent' | 'client';

/** What the packet must become: fields set one by one, checksums computed in full. */
export function expected(
  packet: ModelPacket,
  connection: Connection,
  direction: Direction,
): Uint8Array {
  const { six } = packet;
  const bytes = packet.bytes.slice();
  const view = new DataView(bytes.buffer);
  const tcp = headerSize(six);
  const add = (at: number, amount: number) => view.setUint32(at, view.getUint32(at) + amount);
  if (direction === 'client') {
    const { serverScale, switchScale } = connection;
    bytes.set(connection.vip, six ? 8 : 12);
    view.setUint16(tcp, connection.vipPort);
    add(tcp + 4, -connection.delta);
    if (serverScale !== switchScale && !(bytes[tcp + 13]! & TCP_SYN)) {
      const size = view.getUint16(tcp + 14) * 2 ** serverScale;
      view.setUint16(tcp + 14, Math.min(65535, Math.floor(size / 2 ** switchScale)));
    }
    eachOption(packet, ({ kind }, at) => kind === 'timestamps' && add(at + 2, connection.offset));
  } else {
    bytes.set(connection.server, six ? 24 : 16);
    view.setUint16(tcp + 2, connection.serverPort);
    if (direction === 'switch') bytes[six ? 7 : 8] = 64;
  }
  if (direction === 'agent') {
    if (bytes[tcp + 13]! & TCP_ACK) add(tcp + 8, connection.delta);
    eachOption(packet, ({ kind, bytes: part }, at) => {
      if (kind === 'timestamps' && view.getUint32(at + 6) !== 0) add(at + 6, -connection.offset);
      if (kind !== 'sack') return;
      for (let edge = 2; edge < part.length; edge += 4) add(at + edge, connection.delta);
    });
  }
  complete({ ...packet, bytes });
  return bytes;
}
