// A core with one worker, packets in and verdicts out, as a worker and control see them.
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { Connections } from '../../src/connections.ts';
import { createCore } from '../../src/core.ts';
import { Slots } from '../../src/slots.ts';
import type { Core, CoreBuild } from '../../src/core.ts';
import type { PacketEvent } from '../../src/event.ts';
import type { MemoryMapOptions } from '../../src/memory-map.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { LocalTuple } from '../../src/tuple.ts';
import { ToControlReader } from '../../src/workers/rings.ts';

export interface Outcome {
  /** VERDICT_* */
  verdict: number;
  /** DROP_*, 0 unless dropped */
  reason: number;
  /** entry index or NO_ENTRY */
  entry: number;
  /** the packet as it is to be sent */
  packet: Uint8Array;
}

export const SMALL: MemoryMapOptions = {
  role: 'switch',
  connections: 64,
  workers: 1,
  slots: 4,
  toControlBytes: 131072,
  fromControlBytes: 131072,
  seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
};

export class CoreHost {
  readonly core: Core;
  readonly connections: Connections;
  readonly owner: number;
  readonly #reader: ToControlReader;
  readonly #worker: number;
  readonly #slots: Slots;

  constructor(core: Core) {
    this.core = core;
    this.connections = new Connections(core.memory.buffer);
    this.#reader = new ToControlReader(core.memory);
    this.#worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
    this.#slots = new Slots(core.memory);
    this.owner = core.nextOwner();
  }

  static async create(
    options: Partial<MemoryMapOptions> = {},
    build: CoreBuild = 'release',
  ): Promise<CoreHost> {
    return new CoreHost(await createCore({ ...SMALL, ...options }, build));
  }

  slot(index: number): number {
    return this.#slots.address(index);
  }

  /** Puts a packet into a slot, with an empty virtio_net_hdr. */
  put(index: number, packet: Uint8Array): number {
    this.#slots.put(index, packet);
    return this.slot(index);
  }

  /** Runs one packet through the fast path. */
  forward(packet: Uint8Array, nowMs = 1000): Outcome {
    this.put(0, packet);
    const leaving = this.core.forward(0, 1, nowMs);
    const outcome = { ...this.#slot(0), leaving };
    const { verdict } = outcome;
    const leaves = verdict === V.VERDICT_FORWARD || verdict === V.VERDICT_ANSWER;
    if (leaving !== Number(leaves)) throw new Error(`verdict ${verdict}, ${leaving} leaving`);
    return outcome;
  }

  send(parts: PacketParts, nowMs = 1000): Outcome {
    return this.forward(buildPacket(parts), nowMs);
  }

  /** Runs one packet through forwardHeld. */
  forwardHeld(packet: Uint8Array, entry: number, nowMs = 1000): Outcome {
    const slot = this.put(1, packet);
    const verdict = this.core.forwardHeld(0, slot, entry, nowMs);
    return { ...this.#slot(1), verdict: verdict & 0xff, reason: verdict >>> 8 };
  }

  #slot(index: number): Outcome {
    return {
      verdict: this.#slots.verdict(index),
      reason: this.#slots.reason(index),
      entry: this.#slots.entry(index),
      packet: this.#slots.packet(index),
    };
  }

  queued(): PacketEvent[] {
    return this.#reader.read(1 << 20);
  }

  counter(index: number): number {
    const at = this.#worker + L.WORKER_COUNTERS + index * 8;
    return Number(this.core.view.getBigUint64(at, true));
  }

  lookup(key: LocalTuple): number {
    this.connections.writeTuple(key);
    return this.core.lookup(L.CONTROL_TUPLE);
  }

  header(field: number): number {
    return this.core.view.getUint32(field, true);
  }

  /** All counters of packets but the one of the received. */
  counted(): number {
    let sum =
      this.counter(V.COUNTER_FORWARDED) +
      this.counter(V.COUNTER_ANSWERED) +
      this.counter(V.COUNTER_TO_CONTROL);
    for (let reason = 0; reason < V.DROP_REASON_LIMIT; reason += 1) {
      sum += this.counter(V.COUNTER_DROPS + reason);
    }
    return sum;
  }

  /** Entries that are neither free nor reserved, counted one by one. */
  linked(state?: number): number {
    let count = 0;
    for (let entry = 0; entry < this.connections.entryCount; entry += 1) {
      const found = this.connections.state(entry);
      if (state === undefined ? found >= L.STATE_GATHERING : found === state) count += 1;
    }
    return count;
  }

  /** Every entry is in the pool or linked, each bucket is unlocked, and the counts are right. */
  isWhole(): boolean {
    return this.faults().length === 0;
  }

  /** What isWhole() finds wrong. */
  faults(): string[] {
    const found: string[] = [];
    const expect = (name: string, is: number, wanted: number): void => {
      if (is !== wanted) found.push(`${name}: ${is}, not ${wanted}`);
    };
    const buckets = this.header(L.HEADER_BUCKET_COUNT);
    const base = this.header(L.HEADER_BUCKET_BASE);
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const version = this.header(base + bucket * L.BUCKET_SIZE + L.BUCKET_VERSION);
      expect(`bucket ${bucket} locked`, version & L.VERSION_LOCKED, 0);
    }
    const free = this.header(L.HEADER_FREE_COUNT);
    let listed = 0;
    let next = this.header(L.HEADER_FREE_HEAD);
    while (next !== 0 && listed <= free) {
      listed += 1;
      next = this.connections.entry32(next - 1, L.ENTRY_NEXT);
    }
    expect('lock of the pool', this.header(L.HEADER_FREE_LOCK), 0);
    expect('entries in the pool', listed, free);
    expect('entries', free + this.linked(), this.connections.entryCount);
    const gathering = this.linked(L.STATE_GATHERING);
    expect('half open', this.header(L.HEADER_HALF_OPEN_COUNT), gathering);
    return found;
  }
}

export function address4(last: number, third = 0): Uint8Array {
  return new Uint8Array([10, 1, third, last]);
}

export function address6(last: number, third = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set([0x20, 0x01, 0x0d, 0xb8, third], 0);
  bytes[15] = last;
  return bytes;
}
