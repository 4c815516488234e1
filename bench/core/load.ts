// What the core's comparisons run over: a table full of connections in FORWARD, and packets of their clients.
import * as L from '../../assembly/layout.ts';
import { createCore, type Core } from '../../src/core.ts';
import { Random } from '../../src/lab/random.ts';
import { memoryMap, type MemoryMapOptions } from '../../src/memory-map.ts';
import { zipfSums } from '../papers/popularity.ts';

export const STRIDE = 128;
export const SEEDS = [0x0123456789abcdefn, 0xfedcba9876543210n] as const;
export const NOW_MS = 1e6; // second 1000, as the rival's
const ZIPF_EXPONENT = 1;
const VIP4 = 0xc0000250;
const SERVER4 = 0x0a510101;

export interface LoadShape {
  connections: number;
  /** how often each connection's packets come */
  order: 'uniform' | 'zipf';
  packets: number;
  family: 4 | 6;
}

export interface Load extends LoadShape {
  core: Core;
  /** address of the first packet's slot */
  base: number;
  packetLength: number;
  /** all slots as they are before a pass */
  fresh: Uint8Array;
}

const HEADER_SIZE = { 4: 20, 6: 40 } as const;
const TCP_SIZE = 20;

export interface Clients {
  addresses: Uint32Array;
  ports: Uint16Array;
}

export function drawClients(random: Random, count: number): Clients {
  const addresses = new Uint32Array(count);
  const ports = new Uint16Array(count);
  for (let index = 0; index < count; index += 1) {
    addresses[index] = random.next();
    ports[index] = 1024 + random.below(60_000);
  }
  return { addresses, ports };
}

/** An IPv6 address whose last four bytes are `low`. */
function writeAddress6(view: DataView, at: number, prefix: number, low: number): void {
  view.setUint32(at, prefix);
  view.setUint32(at + 4, 0);
  view.setUint32(at + 8, 0);
  view.setUint32(at + 12, low);
}

const VIP_PREFIX6 = 0x20010db8;
const CLIENT_PREFIX6 = 0x20010db9;
const SERVER_PREFIX6 = 0xfd810001;

/** The image of an entry in FORWARD, where templates are. */
export function writeEntry(
  core: Core,
  at: number,
  family: 4 | 6,
  client: { address: number; port: number },
): void {
  const { view } = core;
  core.bytes.fill(0, at, at + L.TEMPLATE_SIZE);
  view.setUint16(at + L.ENTRY_LOCAL_PORT, 80);
  view.setUint16(at + L.ENTRY_SERVER_PORT, 8080);
  view.setUint32(at + L.ENTRY_LAST_SEEN, NOW_MS / 1000, true);
  view.setUint32(at + L.ENTRY_STATE, L.STATE_FORWARD, true);
  view.setUint16(at + L.ENTRY_CLIENT_PORT, client.port);
  if (family === 4) {
    view.setUint32(at + L.ENTRY_CLIENT_ADDRESS4, client.address);
    view.setUint32(at + L.ENTRY_LOCAL_ADDRESS4, VIP4);
    view.setUint32(at + L.ENTRY_SERVER_ADDRESS4, SERVER4);
  } else {
    view.setUint32(at + L.ENTRY_FLAGS, L.FLAG_IPV6, true);
    writeAddress6(view, at + L.ENTRY_CLIENT_ADDRESS6, CLIENT_PREFIX6, client.address);
    writeAddress6(view, at + L.ENTRY_LOCAL_ADDRESS6, VIP_PREFIX6, VIP4);
    writeAddress6(view, at + L.ENTRY_SERVER_ADDRESS6, SERVER_PREFIX6, SERVER4);
  }
}

function insertAll({ core, family }: { core: Core; family: 4 | 6 }, clients: Clients): void {
  const owner = core.nextOwner();
  clients.addresses.forEach((address, index) => {
    writeEntry(core, L.CONTROL_TEMPLATE, family, { address, port: clients.ports[index]! });
    const entry = core.insert(owner, L.CONTROL_TEMPLATE);
    const isDouble = entry >= 0x80000000; // two clients drew the same address and port
    if (entry >= L.NO_ENTRY - 1 && !isDouble) throw new Error(`bench: entry ${entry}`);
  });
}

/** Numbers 0 .. count - 1, each as often as the order says; the frequent ones are spread over the table. */
function drawing(random: Random, { connections, order }: LoadShape): () => number {
  if (order === 'uniform') return () => random.below(connections);
  const sums = zipfSums(connections, ZIPF_EXPONENT);
  const whole = sums[connections - 1]!;
  return () => {
    const wanted = random.fraction() * whole;
    let low = 0;
    let high = connections - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low; // clients were drawn at random, so rank says nothing about place
  };
}

export function writePackets(load: Omit<Load, 'fresh'>, clients: Clients, random: Random): void {
  const { core, base, packets, family, packetLength } = load;
  const { view } = core;
  const draw = drawing(random, load);
  for (let index = 0; index < packets; index += 1) {
    const slot = base + index * STRIDE;
    const packet = slot + L.SLOT_PACKET;
    const client = draw();
    const address = clients.addresses[client]!;
    view.setUint32(slot + L.SLOT_LENGTH, packetLength, true);
    if (family === 4) {
      view.setUint16(packet, 0x4500);
      view.setUint16(packet + 2, packetLength);
      view.setUint32(packet + 4, 0x4000);
      view.setUint16(packet + 8, 0x3c06);
      view.setUint32(packet + 12, address);
      view.setUint32(packet + 16, VIP4);
    } else {
      view.setUint32(packet, 0x60000000);
      view.setUint16(packet + 4, TCP_SIZE);
      view.setUint16(packet + 6, 0x063c);
      writeAddress6(view, packet + 8, CLIENT_PREFIX6, address);
      writeAddress6(view, packet + 24, VIP_PREFIX6, VIP4);
    }
    const tcp = packet + HEADER_SIZE[family];
    view.setUint16(tcp, clients.ports[client]!);
    view.setUint16(tcp + 2, 80);
    view.setUint32(tcp + 4, random.next());
    view.setUint32(tcp + 8, random.next());
    view.setUint32(tcp + 12, 0x50100100);
    core.checksumPacket(packet, packetLength);
  }
}

interface LoadOptions {
  table?: 'keyed' | 'paper';
  workers?: number;
}

function mapOptions(shape: LoadShape, options: LoadOptions = {}): MemoryMapOptions {
  return {
    role: 'switch',
    table: options.table ?? 'keyed',
    connections: Math.max(2048, 2 ** Math.ceil(Math.log2(shape.connections))),
    workers: options.workers ?? 1,
    slots: shape.packets,
    slotStride: STRIDE,
    seeds: SEEDS,
  };
}

/** Why no core can have such a load; undefined when one can. */
export function refusalOf(shape: LoadShape): string | undefined {
  try {
    memoryMap(mapOptions(shape));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A core with its table filled and its slots written. The same shape gives the same load. */
export async function createLoad(shape: LoadShape, options: LoadOptions = {}): Promise<Load> {
  const random = new Random(1);
  const core = await createCore(mapOptions(shape, options));
  const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
  const base = core.view.getUint32(worker + L.WORKER_SLOT_BASE, true);
  const packetLength = HEADER_SIZE[shape.family] + TCP_SIZE;
  const load = { ...shape, core, base, packetLength };
  const clients = drawClients(random, shape.connections);
  insertAll(load, clients);
  writePackets(load, clients, random);
  return { ...load, fresh: core.bytes.slice(base, base + shape.packets * STRIDE) };
}

/** FNV-1a of the packets' words: two that rewrote alike have the same. */
export function digest({ core, base, packets, packetLength }: Load): number {
  let sum = 2166136261;
  for (let index = 0; index < packets; index += 1) {
    const packet = base + index * STRIDE + L.SLOT_PACKET;
    for (let at = 0; at < packetLength; at += 4) {
      sum = Math.imul(sum ^ core.view.getUint32(packet + at, true), 16777619);
    }
  }
  return sum >>> 0;
}
