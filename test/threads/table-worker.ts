// One thread of the table's stress test: random operations on a memory that all threads share.
//
// Keys below OWN_KEYS are this thread's alone, so it knows exactly what the table must say. Shared
// keys may be inserted by anybody, and changed or removed only by who inserted them. Packets of
// shared keys go through the fast path: a server's port follows from its address, so a torn entry
// shows, and so does its checksum.
import { parentPort, workerData } from 'node:worker_threads';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE } from '../../assembly/wire/ipv4.ts';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE } from '../../assembly/wire/ipv6.ts';
import { TCP_ACK, TCP_DESTINATION_PORT, TCP_FIN } from '../../assembly/wire/tcp.ts';
import { instantiateCore } from '../../src/core.ts';
import type { Core } from '../../src/core.ts';
import type { LocalTuple } from '../../src/tuple.ts';
import { Random } from '../../src/lab/random.ts';
import { isIpv6, keyPacket, keyTuple, serverOf, writeTuple, type Keys } from './table-keys.ts';

export const MOST_PACKETS = 8;

export interface TableTask {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
  seed: number;
  keys: Keys;
  /** operations to make; Infinity: until HEADER_STOP is set */
  operations: number;
  /** packets that go through the core at once, at most MOST_PACKETS */
  batch: number;
  /** entries may vanish, since owners die: what is gone is forgotten */
  lossy: boolean;
  /** the first failure ends all threads */
  stopsAtFailure: boolean;
}

/** What an entry must be, as the one thread knows that may change it. */
export interface Claim {
  entry: number;
  run: number;
  counter: number;
  /** 16 bits that the server follows from */
  low: number;
  state: number;
}

export interface TableReport {
  operations: number;
  /** what this thread inserted and did not remove, by key */
  claims: [key: number, claim: Claim][];
  forwarded: number;
  failures: string[];
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
  /** by key: an ordinary segment, which has a short way through the core, and one with FIN */
  readonly #packets: [plain: Uint8Array, fin: Uint8Array][];
  readonly #tuples: LocalTuple[];
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
    const { thread, keys } = task;
    const length = keys.own + keys.shared;
    this.#tuples = Array.from({ length }, (_, key) => keyTuple(keys, thread, key));
    this.#packets = Array.from({ length }, (_, key) => [
      keyPacket(keys, thread, key, TCP_ACK),
      keyPacket(keys, thread, key, TCP_ACK | TCP_FIN),
    ]);
  }

  step(): void {
    const { own, shared } = this.#task.keys;
    const isShared = this.#random.chance(0.5);
    const key = isShared ? own + this.#random.below(shared) : this.#random.below(own);
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

  #writeTemplate(key: number): Claim {
    const { bytes, view } = this.#core;
    const { thread, keys } = this.#task;
    const at = this.#template;
    bytes.fill(0, at, at + L.TEMPLATE_SIZE);
    writeTuple(bytes, view, at, this.#tuples[key]!);
    const low = this.#random.below(0x10000);
    const six = isIpv6(key);
    const { address, port } = serverOf(low, six);
    bytes.set(address, at + (six ? L.ENTRY_SERVER_ADDRESS6 : L.ENTRY_SERVER_ADDRESS4));
    view.setUint16(at + L.ENTRY_SERVER_PORT, port);
    const gathers = key < keys.own && this.#random.chance(0.3);
    const state = gathers ? L.STATE_GATHERING : L.STATE_FORWARD;
    view.setUint32(at + L.ENTRY_STATE, state, true);
    this.#counter += 1;
    const id = { run: thread + 1, counter: this.#counter };
    view.setUint32(at + L.TEMPLATE_RECORD + L.RECORD_ID_RUN, id.run, true);
    view.setUint32(at + L.TEMPLATE_RECORD + L.RECORD_ID_COUNTER, id.counter, true);
    return { entry: L.NO_ENTRY, ...id, low, state };
  }

  #insert(key: number): void {
    const claim = this.#writeTemplate(key);
    const entry = this.#core.insert(this.#owner, this.#template);
    const mine = this.claims.get(key);
    if (entry < 0x7ffffffe) {
      if (mine && !this.#task.lossy) this.#fail(`key ${key} inserted twice`);
      this.claims.set(key, { ...claim, entry });
    } else if (entry >= 0x80000000 && key < this.#task.keys.own) {
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
    const what = C.UPDATE_ID | C.UPDATE_SERVER | C.UPDATE_STATE;
    const { entry, run, counter } = mine;
    const done = this.#core.update(this.#owner, entry, run, counter, this.#template, what);
    if (done === 1) this.claims.set(key, { ...next, entry });
    else if (this.#task.lossy) this.claims.delete(key);
    else this.#fail(`key ${key} was not there to update`);
  }

  #lookup(key: number): void {
    const { bytes, view } = this.#core;
    const at = this.#tuple;
    const tuple = this.#tuples[key]!;
    bytes.fill(0, at, at + C.TUPLE_SIZE);
    bytes.set(tuple.client, at + C.TUPLE_CLIENT_ADDRESS);
    bytes.set(tuple.local, at + C.TUPLE_LOCAL_ADDRESS);
    view.setUint16(at + C.TUPLE_CLIENT_PORT, tuple.clientPort);
    view.setUint16(at + C.TUPLE_LOCAL_PORT, tuple.localPort);
    bytes[at + C.TUPLE_FAMILY] = isIpv6(key) ? 6 : 4;
    const found = this.#core.lookup(at);
    const expected = this.claims.get(key)?.entry;
    if (this.#task.lossy) return;
    if (expected !== undefined && found !== expected) this.#fail(`key ${key}: entry ${found}`);
    if (expected === undefined && key < this.#task.keys.own && found !== L.NO_ENTRY) {
      this.#fail(`key ${key} is there: ${found}`);
    }
  }

  /** A batch of one connection's packets. */
  #forward(key: number): void {
    const { view, bytes } = this.#core;
    const { batch, thread } = this.#task;
    const packet = this.#packets[key]![this.#random.chance(0.25) ? 1 : 0];
    const end = this.#slot + batch * L.SLOT_SIZE;
    for (let slot = this.#slot; slot < end; slot += L.SLOT_SIZE) {
      bytes.set(packet, slot + L.SLOT_PACKET);
      view.setUint32(slot + L.SLOT_LENGTH, packet.length, true);
    }
    if (this.#core.forward(thread, batch, 5000) === 0) return;
    for (let slot = this.#slot; slot < end; slot += L.SLOT_SIZE) {
      if (view.getUint32(slot + L.SLOT_VERDICT, true) !== V.VERDICT_FORWARD) continue;
      this.forwarded += 1;
      this.#checkPacket(key, slot + L.SLOT_PACKET, packet.length);
    }
  }

  #checkPacket(key: number, at: number, length: number): void {
    const { bytes, view } = this.#core;
    const six = isIpv6(key);
    const from = at + (six ? IPV6_DESTINATION : IPV4_DESTINATION);
    const tcp = at + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const port = view.getUint16(tcp + TCP_DESTINATION_PORT);
    const found = bytes.subarray(from, from + (six ? 16 : 4));
    const server = serverOf(view.getUint16(from + 2), six);
    const isOurs = port === server.port && found.every((byte, at) => byte === server.address[at]);
    if (!isOurs) this.#fail(`key ${key} went to ${Buffer.from(found).toString('hex')}:${port}`);
    if (this.#core.verifyPacket(at, length) !== 1) this.#fail(`key ${key}: checksum`);
  }
}

if (parentPort) {
  const task = workerData as TableTask;
  const thread = new Thread(task);
  const words = new Int32Array(task.memory.buffer);
  const stop = L.HEADER_STOP >>> 2;
  let operations = 0;
  while (operations < task.operations) {
    if ((operations & 63) === 0 && Atomics.load(words, stop) !== 0) break;
    thread.step();
    operations += 1;
    if (task.stopsAtFailure && thread.failures.length > 0) Atomics.store(words, stop, 1);
  }
  const { failures, forwarded } = thread;
  const claims = [...thread.claims];
  parentPort.postMessage({ operations, claims, forwarded, failures } satisfies TableReport);
}
