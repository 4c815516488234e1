// Random packets through core.forward() itself, compared with what they must become.
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../../assembly/wire/vnet.ts';
import { instantiateCore, type Core } from '../../src/core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import { workerAddress } from '../../src/workers/rings.ts';
import { Random } from '../../src/lab/random.ts';
import {
  aimAtZero,
  aimHeaderAtZero,
  aimPartialAtZero,
  makePacket,
} from '../support/rewrite-aims.ts';
import {
  complete,
  expected,
  headerSize,
  randomConnection,
  writeEntry,
  type Connection,
  type Direction,
  type ModelPacket,
} from '../support/rewrite-model.ts';

/** How packets go through the core, and in which table mode: `paper` has no short way for plain ones. */
export interface Way {
  direction: Direction;
  table: 'keyed' | 'paper';
}

export const WAYS: Way[] = [
  { direction: 'switch', table: 'keyed' },
  { direction: 'switch', table: 'paper' },
  { direction: 'agent', table: 'keyed' },
  { direction: 'client', table: 'keyed' },
];

export interface Tally {
  packets: number;
  ipv6: number;
  partial: number;
  /** with an option of 32-bit numbers at an odd place */
  odd: number;
  /** by forwardHeld() */
  held: number;
  padded: number;
  /** results whose TCP checksum, whose IPv4 header's is 0x0000, whose partial sum is 0xffff */
  zeros: number;
  headerZeros: number;
  partialOnes: number;
  /** the first result that was wrong, empty when there is none */
  wrong: string;
}

const NOW_MS = 5000;
const KNOWN_FLAGS = 0x3f;
const GUARD = 16;
const ID = { run: 7, counter: 9 };
const ONES = 0xff;

class Forwarder {
  readonly core: Core;
  readonly #way: Way;
  readonly #worker: number;
  readonly #slot: number;

  constructor(module: WebAssembly.Module, way: Way) {
    const map = memoryMap({
      role: way.direction === 'switch' ? 'switch' : 'agent',
      table: way.table,
      connections: 16,
      workers: 1,
      slots: 1,
      seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
    });
    const memory = createMemory(map, false);
    writeMemoryMap(memory, map);
    this.#way = way;
    this.core = instantiateCore(module, memory);
    this.core.initialise();
    this.#worker = workerAddress(this.core.view, 0);
    this.#slot = this.core.view.getUint32(this.#worker + L.WORKER_SLOT_BASE, true);
  }

  /** Makes the connection's entry; its client is where the packet comes from or goes to. */
  insert(connection: Connection, packet: ModelPacket): number {
    const { bytes, view } = this.core;
    const at = L.CONTROL_TEMPLATE;
    const { six } = connection;
    bytes.fill(0, at, at + L.TEMPLATE_SIZE);
    writeEntry(view, at, connection);
    const isReply = this.#way.direction === 'client';
    const [source, destination] = six ? [8, 24] : [12, 16];
    const from = isReply ? destination : source;
    const client = packet.bytes.subarray(from, from + (six ? 16 : 4));
    bytes.set(client, at + (six ? L.ENTRY_CLIENT_ADDRESS6 : L.ENTRY_CLIENT_ADDRESS4));
    const port = headerSize(six) + (isReply ? 2 : 0);
    bytes.set(packet.bytes.subarray(port, port + 2), at + L.ENTRY_CLIENT_PORT);
    view.setUint32(at + L.ENTRY_STATE, L.STATE_FORWARD, true);
    view.setUint32(at + L.TEMPLATE_RECORD + L.RECORD_ID_RUN, ID.run, true);
    view.setUint32(at + L.TEMPLATE_RECORD + L.RECORD_ID_COUNTER, ID.counter, true);
    this.#serve(connection);
    return this.core.insert(1, at);
  }

  /** The server's address is the one service address: what comes from it is a reply. */
  #serve({ six, server }: Connection): void {
    const { bytes } = this.core;
    const network = six ? L.HEADER_SERVICE_NETWORK6 : L.HEADER_SERVICE_NETWORK4;
    const mask = six ? L.HEADER_SERVICE_MASK6 : L.HEADER_SERVICE_MASK4;
    bytes.set(server, network);
    bytes.fill(ONES, mask, mask + server.length);
  }

  remove(entry: number): boolean {
    const { view } = this.core;
    const tail = view.getUint32(this.#worker + L.WORKER_TO_CONTROL_TAIL, true);
    view.setUint32(this.#worker + L.WORKER_TO_CONTROL_HEAD, tail, true);
    return this.core.remove(1, entry, ID.run, ID.counter) === 1;
  }

  /** The packet as it leaves, or why it does not. */
  forward(packet: ModelPacket, padding: number, held: number | undefined): Uint8Array | string {
    const { core } = this;
    const at = this.#slot + L.SLOT_PACKET;
    const { length } = packet.bytes;
    core.bytes.fill(0, this.#slot, at);
    core.bytes[this.#slot + L.SLOT_VNET + VNET_FLAGS] = packet.partial ? VNET_NEEDS_CSUM : 0;
    core.bytes.set(packet.bytes, at);
    core.bytes.fill(0xa5, at + length, at + length + GUARD);
    core.view.setUint32(this.#slot + L.SLOT_LENGTH, length + padding, true);
    if (held === undefined) core.forward(0, 1, NOW_MS);
    else core.forwardHeld(0, this.#slot, held, NOW_MS);
    const verdict = core.view.getUint32(this.#slot + L.SLOT_VERDICT, true);
    if (verdict !== V.VERDICT_FORWARD) return `verdict 0x${verdict.toString(16)}`;
    const left = core.view.getUint32(this.#slot + L.SLOT_LENGTH, true);
    if (left !== length) return `${left} bytes instead of ${length}`;
    const guard = core.bytes.subarray(at + length, at + length + GUARD);
    if (!guard.every((byte) => byte === 0xa5)) return 'bytes behind the packet changed';
    return core.bytes.subarray(at, at + length);
  }
}

/** Flags that no TCP has are dropped, and a SYN that comes to an agent: made an ACK. */
function mendFlags({ bytes, six }: ModelPacket, direction: Direction): void {
  const at = headerSize(six) + 13;
  const flags = bytes[at]! & KNOWN_FLAGS;
  const cannotBe = (flags & TCP_SYN) !== 0 && (flags & (TCP_FIN | TCP_RST)) !== 0;
  const isStray = direction !== 'switch' && (flags & TCP_SYN) !== 0;
  if (flags === 0 || cannotBe || isStray) bytes[at] = 0x10;
}

function hasOddOption({ options }: ModelPacket): boolean {
  let at = 0;
  return options.some(({ kind, bytes }) => {
    const isOdd = at % 2 === 1 && (kind === 'sack' || kind === 'timestamps');
    at += bytes.length;
    return isOdd;
  });
}

function randomCase(random: Random, direction: Direction): [Connection, ModelPacket] {
  const connection = randomConnection(random);
  const packet = makePacket(random, connection, direction);
  mendFlags(packet, direction);
  if (random.chance(0.3)) aimAtZero(packet, connection, direction);
  if (random.chance(0.3)) aimHeaderAtZero(packet, connection, direction);
  if (random.chance(0.3)) aimPartialAtZero(packet, connection, direction);
  complete(packet);
  return [connection, packet];
}

function count(tally: Tally, packet: ModelPacket, result: Uint8Array): void {
  const view = new DataView(result.buffer, result.byteOffset, result.length);
  const field = view.getUint16(headerSize(packet.six) + 16);
  tally.packets += 1;
  tally.ipv6 += Number(packet.six);
  tally.partial += Number(packet.partial);
  tally.odd += Number(hasOddOption(packet));
  tally.zeros += Number(!packet.partial && field === 0);
  tally.partialOnes += Number(packet.partial && field === 0xffff);
  tally.headerZeros += Number(!packet.six && view.getUint16(10) === 0);
}

function difference(actual: Uint8Array | string, wanted: Uint8Array): string {
  if (typeof actual === 'string') return actual;
  if (Buffer.compare(actual, wanted) === 0) return '';
  const at = actual.findIndex((byte, index) => byte !== wanted[index]);
  return `byte ${at} is ${actual[at]}, not ${wanted[at]}`;
}

/** At the agent a packet from the server's own address is a reply, whoever the client is. */
function isAmbiguous(way: Way, connection: Connection, packet: ModelPacket): boolean {
  if (way.direction !== 'agent') return false;
  const from = connection.six ? 8 : 12;
  const source = packet.bytes.subarray(from, from + connection.server.length);
  return Buffer.compare(source, connection.server) === 0;
}

/** `packets` random packets on connections of their own, until one leaves wrong. `module`: single-thread. */
export function forwardRandom(
  module: WebAssembly.Module,
  way: Way,
  packets: number,
  seed: number,
): Tally {
  const tally: Tally = {
    packets: 0,
    ipv6: 0,
    partial: 0,
    odd: 0,
    held: 0,
    padded: 0,
    zeros: 0,
    headerZeros: 0,
    partialOnes: 0,
    wrong: '',
  };
  const random = new Random(seed);
  const forwarder = new Forwarder(module, way);
  while (tally.packets < packets && tally.wrong === '') {
    const [connection, packet] = randomCase(random, way.direction);
    if (isAmbiguous(way, connection, packet)) continue;
    const wanted = expected(packet, connection, way.direction);
    const entry = forwarder.insert(connection, packet);
    const padding = random.chance(0.1) ? random.between(1, GUARD) : 0;
    // without a server's port the switch has nowhere to send what it held
    const isHeld = random.chance(0.1) && connection.serverPort !== 0;
    const result = forwarder.forward(packet, padding, isHeld ? entry : undefined);
    tally.wrong = difference(result, wanted);
    if (!forwarder.remove(entry)) tally.wrong ||= 'the entry is gone';
    tally.held += Number(isHeld);
    tally.padded += Number(padding > 0);
    count(tally, packet, wanted);
  }
  return tally;
}
