// Threads for a pool that has no device. Worker 0 forwards packets without a pause and checks each; the
// others wait to be told to lock a bucket, write half an entry, and end with the lock held.
import { threadId } from 'node:worker_threads';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE } from '../../assembly/wire/ipv4.ts';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE } from '../../assembly/wire/ipv6.ts';
import { TCP_ACK, TCP_DESTINATION_PORT, TCP_FIN } from '../../assembly/wire/tcp.ts';
import { monotonicMs } from '../../src/clock.ts';
import { instantiateCore, instantiateExports, type Core } from '../../src/core.ts';
import { commandWord } from '../../src/workers/debug-command.ts';
import { workerAddress } from '../../src/workers/rings.ts';
import type { WorkerTask } from '../../src/workers/worker.ts';
import { isIpv6, keyPacket, keyTuple, serverOf } from './table-keys.ts';

export const KEYS = { own: 48, shared: 0 };

// How a thread ends; a command is KEY << 8 | WAY.
export const BY_ERROR = 1;
export const BY_EXIT = 2;
/** It goes on for ever: somebody has to terminate it. */
export const FROM_OUTSIDE = 3;

// What workers tell, f64 in their scratch space behind what the core uses there
const TOLD = L.WORKER_SCRATCH + L.TEMPLATE_SIZE + L.ENTRY_SIZE;
export const TOLD_FORWARDED = TOLD;
export const TOLD_WRONG = TOLD + 8;
export const TOLD_BUSY = TOLD + 16;
export const TOLD_BLOCKED_MS = TOLD + 24;
export const TOLD_LOCKED_MS = TOLD + 32;

interface DebugExports {
  debugLock(owner: number, tuple: number): number;
  debugHalfWrite(owner: number, entry: number): void;
}

/** The server of a connection's `turn`-th update; another connection never has it. */
export function lowOf(key: number, turn: number): number {
  return key + KEYS.own * (turn % 1000);
}

class Reader {
  readonly #core: Core;
  readonly #record: number;
  readonly #slots: number;
  readonly #packets: Uint8Array[];
  readonly #blockedMs = new Float64Array(KEYS.own);

  constructor(core: Core) {
    this.#core = core;
    this.#record = workerAddress(core.view, 0);
    this.#slots = core.view.getUint32(this.#record + L.WORKER_SLOT_BASE, true);
    this.#packets = [TCP_ACK, TCP_ACK | TCP_FIN].flatMap((flags) =>
      Array.from({ length: KEYS.own }, (_, key) => keyPacket(KEYS, 0, key, flags)),
    );
  }

  /** One packet of each connection. */
  pass(turn: number): void {
    const core = this.#core;
    for (let key = 0; key < KEYS.own; key += 1) {
      const packet = this.#packets[key + (turn % 2) * KEYS.own]!;
      const slot = this.#slots + key * L.SLOT_SIZE;
      core.bytes.set(packet, slot + L.SLOT_PACKET);
      core.view.setUint32(slot + L.SLOT_LENGTH, packet.length, true);
    }
    core.forward(0, KEYS.own, 5000);
    for (let key = 0; key < KEYS.own; key += 1) this.#judge(key, this.#slots + key * L.SLOT_SIZE);
  }

  #judge(key: number, slot: number): void {
    const verdict = this.#core.view.getUint32(slot + L.SLOT_VERDICT, true);
    if (verdict === V.DROP_TABLE_BUSY << 8) {
      if (this.#blockedMs[key] === 0) this.#blockedMs[key] = monotonicMs();
      return this.#tell(TOLD_BUSY, this.#told(TOLD_BUSY) + 1);
    }
    if (verdict === V.VERDICT_FORWARD) {
      this.#tell(TOLD_FORWARDED, this.#told(TOLD_FORWARDED) + 1);
      if (!this.#isRight(key, slot)) this.#tell(TOLD_WRONG, this.#told(TOLD_WRONG) + 1);
    }
    if (this.#blockedMs[key] === 0) return;
    const tookMs = monotonicMs() - this.#blockedMs[key]!;
    this.#blockedMs[key] = 0;
    this.#tell(TOLD_BLOCKED_MS, Math.max(tookMs, this.#told(TOLD_BLOCKED_MS)));
  }

  #isRight(key: number, slot: number): boolean {
    const { bytes, view } = this.#core;
    const six = isIpv6(key);
    const at = slot + L.SLOT_PACKET;
    const from = at + (six ? IPV6_DESTINATION : IPV4_DESTINATION);
    const tcp = at + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const low = view.getUint16(from + 2);
    const { address, port } = serverOf(low, six);
    return (
      low % KEYS.own === key &&
      view.getUint16(tcp + TCP_DESTINATION_PORT) === port &&
      address.every((byte, index) => byte === bytes[from + index]) &&
      this.#core.verifyPacket(at, view.getUint32(slot + L.SLOT_LENGTH, true)) === 1
    );
  }

  #told(field: number): number {
    return this.#core.view.getFloat64(this.#record + field, true);
  }

  #tell(field: number, value: number): void {
    this.#core.view.setFloat64(this.#record + field, value, true);
  }
}

/** Waits for a command, then dies with a bucket locked and an entry half-written. */
function waitAndDie({ memory, module, worker }: WorkerTask, core: Core): void {
  const debug = instantiateExports(module, memory) as unknown as DebugExports;
  const { words, view, bytes } = core;
  const record = workerAddress(view, worker);
  const word = commandWord(memory, worker);
  Atomics.store(words, (record + L.WORKER_THREAD) >>> 2, threadId);
  while (Atomics.load(words, word) === 0) {
    if (Atomics.load(words, L.HEADER_STOP >>> 2) !== 0) return;
    Atomics.add(words, (record + L.WORKER_HEARTBEAT) >>> 2, 1);
    Atomics.wait(words, word, 0, 20);
  }
  const command = Atomics.exchange(words, word, 0);
  const tuple = record + L.WORKER_SCRATCH;
  const { client, clientPort, local, localPort } = keyTuple(KEYS, 0, command >>> 8);
  bytes.fill(0, tuple, tuple + C.TUPLE_SIZE);
  bytes.set(client, tuple + C.TUPLE_CLIENT_ADDRESS);
  bytes.set(local, tuple + C.TUPLE_LOCAL_ADDRESS);
  view.setUint16(tuple + C.TUPLE_CLIENT_PORT, clientPort);
  view.setUint16(tuple + C.TUPLE_LOCAL_PORT, localPort);
  bytes[tuple + C.TUPLE_FAMILY] = client.length === 16 ? 6 : 4;
  const entry = core.lookup(tuple);
  const owner = view.getUint32(record + L.WORKER_OWNER, true);
  if (entry === L.NO_ENTRY || debug.debugLock(owner, tuple) === 0) throw new Error('no such entry');
  view.setFloat64(record + TOLD_LOCKED_MS, monotonicMs(), true);
  debug.debugHalfWrite(owner, entry);
  if ((command & 255) === BY_ERROR) throw new Error('dies as told');
  if ((command & 255) === BY_EXIT) process.exit(3);
  for (;;) Atomics.wait(words, word, 0, 1);
}

export default function work(task: WorkerTask): void {
  const core = instantiateCore(task.module, task.memory);
  if (task.worker !== 0) return waitAndDie(task, core);
  const reader = new Reader(core);
  const heartbeat = (workerAddress(core.view, 0) + L.WORKER_HEARTBEAT) >>> 2;
  for (let turn = 0; Atomics.load(core.words, L.HEADER_STOP >>> 2) === 0; turn += 1) {
    Atomics.add(core.words, heartbeat, 1);
    reader.pass(turn);
  }
}
