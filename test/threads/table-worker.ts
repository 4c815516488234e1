// One thread of the table's stress test: random operations on a memory that all threads share.
//
// Keys below OWN_KEYS are this thread's alone, so it knows exactly what the table must say. Shared
// keys may be inserted by anybody, and changed or removed only by who inserted them. Packets of
// shared keys go through the fast path: a server's port follows from its address, so a torn entry
// shows, and so does its checksum.
import { parentPort, workerData } from 'node:worker_threads';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK } from '../../assembly/wire/tcp.ts';
import { IPV4_DESTINATION } from '../../assembly/wire/ipv4.ts';
import { instantiateCore } from '../../src/core.ts';
import type { Core } from '../../src/core.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { Random } from '../support/random.ts';

export const OWN_KEYS = 120;
export const SHARED_KEYS = 60;

export interface TableTask {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
  seed: number;
  /** operations to make; Infinity: until HEADER_STOP is set */
  operations: number;
  /** entries may vanish, since owners die: what is gone is forgotten */
  lossy: boolean;
}

export interface TableReport {
  operations: number;
  /** key and entry of what this thread inserted and did not remove */
  claims: [key: number, entry: number][];
  forwarded: number;
  failures: string[];
}

interface Claim {
  entry: number;
  run: number;
  counter: number;
}

/** Number of a key among all: own keys first, by thread, then the shared ones. */
export function keyNumber(thread: number, key: number): number {
  return key < OWN_KEYS ? thread * OWN_KEYS + key : 0x8000 + key;
}

export function portOf(low: number): number {
  return 1024 + ((low * 7919) % 60_000);
}

class Thread {
  readonly claims = new Map<number, Claim>();
  readonly failures: string[] = [];
  forwarded = 0;
  readonly #task: TableTask;
  readonly #core: Core;
  readonly #random: Random;
  readonly #owner: number;
  readonly #template: number;
  readonly #tuple: number;
  readonly #slot: number;
  readonly #packets: Uint8Array[];
  #counter = 0;

  constructor(task: TableTask) {
    this.#task = task;
    this.#core = instantiateCore(task.module, task.memory);
    this.#random = new Random(task.seed);
    const { view } = this.#core;
    const worker = view.getUint32(L.HEADER_WORKER_BASE, true) + task.thread * L.WORKER_SIZE;
    this.#owner = view.getUint32(worker + L.WORKER_OWNER, true);
    this.#template = worker + L.WORKER_SCRATCH;
    this.#tuple = this.#template + L.TEMPLATE_SIZE + L.ENTRY_SIZE;
    this.#slot = view.getUint32(worker + L.WORKER_SLOT_BASE, true);
    this.#packets = Array.from({ length: OWN_KEYS + SHARED_KEYS }, (_, key) => this.#packet(key));
  }

  step(): void {
    const shared = this.#random.chance(0.5);
    const key = shared ? OWN_KEYS + this.#random.below(SHARED_KEYS) : this.#random.below(OWN_KEYS);
    const action = this.#random.below(8);
    if (action < 2) this.#insert(key);
    else if (action === 2) this.#remove(key);
    else if (action < 5) this.#update(key);
    else if (action === 5) this.#lookup(key);
    else this.#forward(key);
  }

  #fail(text: string): void {
    if (this.failures.length < 10) this.failures.push(`thread ${this.#task.thread}: ${text}`);
  }

  #client(key: number): Uint8Array {
    const number = keyNumber(this.#task.thread, key);
    return new Uint8Array([10, 3, number >>> 8, number & 255]);
  }

  #packet(key: number): Uint8Array {
    const destination = new Uint8Array([192, 0, 2, 80]);
    const ports = { sourcePort: 7000 + key, destinationPort: 80 };
    return buildPacket({
      source: this.#client(key),
      destination,
      ...ports,
      sequence: key,
      flags: TCP_ACK,
    });
  }

  #writeTemplate(key: number): Claim {
    const { bytes, view } = this.#core;
    const at = this.#template;
    bytes.fill(0, at, at + L.TEMPLATE_SIZE);
    bytes.set(this.#client(key), at + L.ENTRY_CLIENT_ADDRESS4);
    bytes.set([192, 0, 2, 80], at + L.ENTRY_LOCAL_ADDRESS4);
    view.setUint16(at + L.ENTRY_CLIENT_PORT, 7000 + key);
    view.setUint16(at + L.ENTRY_LOCAL_PORT, 80);
    const low = this.#random.below(0x10000);
    bytes.set([10, 9, low >>> 8, low & 255], at + L.ENTRY_SERVER_ADDRESS4);
    view.setUint16(at + L.ENTRY_SERVER_PORT, portOf(low));
    const gathers = key < OWN_KEYS && this.#random.chance(0.3);
    view.setUint32(at + L.ENTRY_STATE, gathers ? L.STATE_GATHERING : L.STATE_FORWARD, true);
    this.#counter += 1;
    const id = { run: this.#task.thread + 1, counter: this.#counter };
    view.setUint32(at + L.TEMPLATE_RECORD + L.RECORD_ID_RUN, id.run, true);
    view.setUint32(at + L.TEMPLATE_RECORD + L.RECORD_ID_COUNTER, id.counter, true);
    return { entry: L.NO_ENTRY, ...id };
  }

  #insert(key: number): void {
    const claim = this.#writeTemplate(key);
    const entry = this.#core.insert(this.#owner, this.#template);
    const mine = this.claims.get(key);
    if (entry < 0x7ffffffe) {
      if (mine && !this.#task.lossy) this.#fail(`key ${key} inserted twice`);
      this.claims.set(key, { ...claim, entry });
    } else if (entry >= 0x80000000 && key < OWN_KEYS) {
      const known = mine && mine.entry === entry - 0x80000000;
      if (!known) this.#fail(`key ${key} exists as ${entry}`);
    } // else there was no room, or who holds the bucket does not get the processor
  }

  #remove(key: number): void {
    const mine = this.claims.get(key);
    if (!mine) return;
    const done = this.#core.remove(this.#owner, mine.entry, mine.run, mine.counter);
    this.claims.delete(key);
    if (done !== 1 && !this.#task.lossy) this.#fail(`key ${key} was not there to remove`);
  }

  #update(key: number): void {
    const mine = this.claims.get(key);
    if (!mine) return;
    const next = this.#writeTemplate(key);
    const what = L.UPDATE_ID | L.UPDATE_SERVER | L.UPDATE_STATE;
    const { entry, run, counter } = mine;
    const done = this.#core.update(this.#owner, entry, run, counter, this.#template, what);
    if (done === 1) this.claims.set(key, { ...next, entry });
    else if (this.#task.lossy) this.claims.delete(key);
    else this.#fail(`key ${key} was not there to update`);
  }

  #lookup(key: number): void {
    const { bytes, view } = this.#core;
    const at = this.#tuple;
    bytes.fill(0, at, at + L.TUPLE_SIZE);
    bytes.set(this.#client(key), at + L.TUPLE_CLIENT_ADDRESS);
    bytes.set([192, 0, 2, 80], at + L.TUPLE_LOCAL_ADDRESS);
    view.setUint16(at + L.TUPLE_CLIENT_PORT, 7000 + key);
    view.setUint16(at + L.TUPLE_LOCAL_PORT, 80);
    bytes[at + L.TUPLE_FAMILY] = 4;
    const found = this.#core.lookup(at);
    const expected = this.claims.get(key)?.entry;
    if (this.#task.lossy) return;
    if (expected !== undefined && found !== expected) this.#fail(`key ${key}: entry ${found}`);
    if (expected === undefined && key < OWN_KEYS && found !== L.NO_ENTRY) {
      this.#fail(`key ${key} is there: ${found}`);
    }
  }

  #forward(key: number): void {
    const { bytes, view } = this.#core;
    const packet = this.#packets[key]!;
    const at = this.#slot + L.SLOT_PACKET;
    bytes.set(packet, at);
    view.setUint32(this.#slot + L.SLOT_LENGTH, packet.length, true);
    if (this.#core.forward(this.#task.thread, 1, 5000) === 0) return;
    if (view.getUint32(this.#slot + L.SLOT_VERDICT, true) !== V.VERDICT_FORWARD) return;
    this.forwarded += 1;
    const address = view.getUint32(at + IPV4_DESTINATION);
    const port = view.getUint16(at + 22);
    const isOurs = address >>> 16 === 0x0a09 && port === portOf(address & 0xffff);
    if (!isOurs) this.#fail(`key ${key} went to ${address.toString(16)}:${port}`);
    if (this.#core.verifyPacket(at, packet.length) !== 1) this.#fail(`key ${key}: checksum`);
  }
}

if (parentPort) {
  const task = workerData as TableTask;
  const thread = new Thread(task);
  const words = new Int32Array(task.memory.buffer);
  let operations = 0;
  while (operations < task.operations) {
    if ((operations & 63) === 0 && Atomics.load(words, L.HEADER_STOP >>> 2) !== 0) break;
    thread.step();
    operations += 1;
  }
  const claims = [...thread.claims].map(([key, { entry }]): [number, number] => [key, entry]);
  const { failures, forwarded } = thread;
  parentPort.postMessage({ operations, claims, forwarded, failures } satisfies TableReport);
}
