// Nanoseconds per packet of the Wasm core against the same work in C, compiled on the spot, over the same
// memory image: 1,000 connections, uniform. `streaming`: 500,000 packets from memory; `hot`: 256 packets
// that stay in the caches, as after a read from a device. Rounds in turn; the minimum counts.
// node build/bench-core.mjs [--limit RATIO]: fails when a ratio to the best C form is above
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as L from '../assembly/layout.ts';
import { createCore, type Core } from '../src/core.ts';
import { Random } from '../src/lab/random.ts';

const CONNECTIONS = 1000;
const STRIDE = 128;
const PACKET_LENGTH = 40;
const BATCH = 256;
const ROUNDS = 7;
const NOW_MS = 1e6; // second 1000, as the rival's
const STREAM = 500_000;
const C_FORMS = { scalar: 0, 'batches of 64': 64 };

const { values } = parseArgs({ options: { limit: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));

interface Client {
  address: number;
  port: number;
}

function drawClients(random: Random): Client[] {
  return Array.from({ length: CONNECTIONS }, () => ({
    address: random.below(2 ** 32),
    port: 1024 + random.below(60_000),
  }));
}

/** An entry in FORWARD for each client. */
function insertAll(core: Core, clients: Client[]): void {
  const { view } = core;
  const at = L.CONTROL_TEMPLATE;
  const owner = core.nextOwner();
  for (const { address, port } of clients) {
    core.bytes.fill(0, at, at + L.TEMPLATE_SIZE);
    view.setUint32(at + L.ENTRY_STATE, L.STATE_FORWARD, true);
    view.setUint32(at + L.ENTRY_CLIENT_ADDRESS4, address);
    view.setUint32(at + L.ENTRY_LOCAL_ADDRESS4, 0xc0000250);
    view.setUint16(at + L.ENTRY_CLIENT_PORT, port);
    view.setUint16(at + L.ENTRY_LOCAL_PORT, 80);
    view.setUint32(at + L.ENTRY_SERVER_ADDRESS4, 0x0a510101);
    view.setUint16(at + L.ENTRY_SERVER_PORT, 8080);
    view.setUint32(at + L.ENTRY_LAST_SEEN, NOW_MS / 1000, true);
    const entry = core.insert(owner, at);
    if (entry >= L.NO_ENTRY - 1) throw new Error(`bench: entry ${entry}`);
  }
}

function writePackets(
  core: Core,
  base: number,
  count: number,
  clients: Client[],
  random: Random,
): void {
  const { view } = core;
  for (let index = 0; index < count; index++) {
    const slot = base + index * STRIDE;
    const packet = slot + L.SLOT_PACKET;
    const { address, port } = clients[random.below(clients.length)]!;
    view.setUint32(slot + L.SLOT_LENGTH, PACKET_LENGTH, true);
    view.setUint16(packet, 0x4500);
    view.setUint16(packet + 2, PACKET_LENGTH);
    view.setUint32(packet + 4, 0x4000);
    view.setUint16(packet + 8, 0x3c06);
    view.setUint32(packet + 12, address);
    view.setUint32(packet + 16, 0xc0000250);
    view.setUint16(packet + 20, port);
    view.setUint16(packet + 22, 80);
    view.setUint32(packet + 24, random.below(2 ** 32));
    view.setUint32(packet + 28, random.below(2 ** 32));
    view.setUint32(packet + 32, 0x50100100);
    core.checksumPacket(packet, PACKET_LENGTH);
  }
}

function digest(core: Core, base: number, count: number): number {
  let sum = 2166136261;
  for (let index = 0; index < count; index++) {
    const packet = base + index * STRIDE + L.SLOT_PACKET;
    for (let at = 0; at < PACKET_LENGTH; at += 4) {
      sum = Math.imul(sum ^ core.view.getUint32(packet + at, true), 16777619);
    }
  }
  return sum >>> 0;
}

interface Measured {
  ns: number;
  digest: number;
}

/** One round of the core over `count` packets; fresh packets before every pass, outside the clock. */
function measureCore(core: Core, base: number, count: number, fresh: Uint8Array): Measured {
  const passes = count < 100_000 ? Math.ceil(400_000 / count) : 1;
  const slotBase = core.view.getUint32(L.HEADER_WORKER_BASE, true) + L.WORKER_SLOT_BASE;
  let spent = 0n;
  for (let pass = 0; pass < passes; pass++) {
    core.bytes.set(fresh, base);
    const begin = process.hrtime.bigint();
    for (let first = 0; first < count; first += BATCH) {
      core.view.setUint32(slotBase, base + first * STRIDE, true);
      core.forward(0, Math.min(BATCH, count - first), NOW_MS);
    }
    spent += process.hrtime.bigint() - begin;
  }
  return { ns: Number(spent) / passes / count, digest: digest(core, base, count) };
}

function compileRival(): string {
  const source = fileURLToPath(new URL('../bench/rivals/core.c', import.meta.url));
  const program = join(folder, 'core');
  execFileSync('gcc', ['-O3', '-march=native', '-o', program, source]);
  return program;
}

/** Rounds of the core and of each C form in turn, over the same packets; returns the ratio to the best. */
async function compare(
  name: string,
  table: 'keyed' | 'paper',
  count: number,
  rival: string,
): Promise<number> {
  const random = new Random(1);
  const core = await createCore({
    role: 'switch',
    table,
    connections: 2048,
    workers: 1,
    slots: count,
    slotStride: STRIDE,
    seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
  });
  const clients = drawClients(random);
  insertAll(core, clients);
  const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
  const base = core.view.getUint32(worker + L.WORKER_SLOT_BASE, true);
  writePackets(core, base, count, clients, random);
  const fresh = core.bytes.slice(base, base + count * STRIDE);
  const image = join(folder, 'memory');
  writeFileSync(image, core.bytes);
  const best: Record<string, number> = {};
  const keep = (form: string, ns: number): void => {
    best[form] = Math.min(best[form] ?? Infinity, ns);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const ours = measureCore(core, base, count, fresh);
    if (round > 0) keep('core', ours.ns); // the first warms up
    for (const [form, batch] of Object.entries(C_FORMS)) {
      const args = [image, base, STRIDE, count, 1, batch].map(String);
      const theirs = JSON.parse(execFileSync(rival, args, { encoding: 'utf8' })) as Measured;
      if (theirs.digest !== ours.digest) throw new Error('bench: C and core rewrote differently');
      keep(form, theirs.ns);
    }
  }
  const rivalBest = Math.min(...Object.keys(C_FORMS).map((form) => best[form]!));
  const ratio = best['core']! / rivalBest;
  const figures = Object.entries(best).map(([form, ns]) => `${form} ${ns.toFixed(1)} ns`);
  console.log(`core ${name}: ${figures.join(', ')}; ratio to the best C form ${ratio.toFixed(2)}`);
  return ratio;
}

try {
  const rival = compileRival();
  const ratios = [
    await compare('1 k uniform, streaming', 'keyed', STREAM, rival),
    await compare('1 k uniform, cache-hot', 'keyed', BATCH, rival),
  ];
  if (values.limit !== undefined && Math.max(...ratios) > Number(values.limit))
    process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
