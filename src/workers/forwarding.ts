import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import type { Device } from '../packet-io/device.ts';
import { AckFilter } from './ack-filter.ts';
import { Pace } from './pace.ts';
import { Polling } from './polling.ts';
import { FromControlReader, workerAddress } from './rings.ts';

/** What forwarding needs of the core (assembly/index.ts). */
export interface ForwardingCore {
  forward(worker: number, count: number, nowMs: number): number;
  forwardHeld(worker: number, slot: number, entry: number, nowMs: number): number;
  held(owner: number, entry: number, idRun: number, idCounter: number, count: number): number;
}

export interface ForwardingParts {
  core: ForwardingCore;
  memory: WebAssembly.Memory;
  worker: number;
  device: Device;
  /** the host's monotonic clock */
  nowMs: () => number;
  /**
   * Gives the CPU to others for so long; without it a packet whose bucket is locked is dropped, and no pass
   * waits for more packets.
   */
  rest?: (ms: number) => void;
}

const DOORBELL = L.HEADER_DOORBELL >>> 2;
const BUSY = V.VERDICT_DROP | (V.DROP_TABLE_BUSY << 8);
const RECORDS_PER_PASS = 64; // so that a flood from control cannot starve the device
const BUSY_TRIES = 8;
const BUSY_PAUSE_MS = 1;
/** while packets come fast */
const PACE = { longestMs: 0.3, enough: 16 };
const SLEEP_LIMIT_MS = 250; // a dying process waits for its threads: no sleep may be endless

/** One worker's packets: from the device and from control, through the core, to the device. */
export class Forwarding {
  readonly #core: ForwardingCore;
  readonly #worker: number;
  readonly #device: Device;
  readonly #nowMs: () => number;
  readonly #rest: ((ms: number) => void) | undefined;
  readonly #fromControl: FromControlReader;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #record: number;
  readonly #slotBase: number;
  readonly #slotCount: number;
  /** addresses of the slots of a batch that are to be sent */
  readonly #leaving: Uint32Array;
  /** of the agent, which has the server's kernel behind it */
  readonly #ackFilter: AckFilter | undefined;

  constructor({ core, memory, worker, device, nowMs, rest }: ForwardingParts) {
    this.#core = core;
    this.#worker = worker;
    this.#device = device;
    this.#nowMs = nowMs;
    this.#rest = rest;
    this.#fromControl = new FromControlReader(memory, worker);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.#record = workerAddress(new DataView(memory.buffer), worker);
    this.#slotBase = this.#u32(this.#record + L.WORKER_SLOT_BASE);
    this.#slotCount = this.#u32(this.#record + L.WORKER_SLOT_COUNT);
    this.#leaving = new Uint32Array(this.#slotCount);
    const isAgent = this.#u32(L.HEADER_ROLE) === L.ROLE_AGENT;
    this.#ackFilter = isAgent ? new AckFilter(memory) : undefined;
  }

  /** Handles what control queued and one batch of the device; returns how many packets that were. */
  pass(): number {
    const heartbeat = (this.#record + L.WORKER_HEARTBEAT) >>> 2;
    this.#words[heartbeat] = (this.#words[heartbeat] ?? 0) + 1;
    const rings = Atomics.load(this.#words, DOORBELL);
    const queued = this.#transmitQueued();
    const received = this.#device.receive(this.#slotBase, this.#slotCount);
    if (received === 0) {
      this.#count(V.COUNTER_EMPTY_POLLS, 1);
      if (queued > 0) this.#notify(rings);
      return queued;
    }
    this.#count(V.COUNTER_POLLS_WITH_PACKETS, 1);
    const busy = this.#busyDrops;
    this.#forward(received, rings);
    if (this.#busyDrops !== busy) this.#tryAgain(received);
    return queued + received;
  }

  #forward(count: number, rings: number): void {
    const toSend = this.#core.forward(this.#worker, count, this.#nowMs()) >>> 0;
    this.#notify(rings);
    if (toSend > 0) this.#transmitLeaving(toSend, count);
  }

  /**
   * Packets whose bucket stayed locked: its holder has lost the CPU, and gets it back while this thread
   * pauses. A lost packet would cost its client a retransmission timeout.
   */
  #tryAgain(received: number): void {
    if (!this.#rest) return;
    let count = received;
    for (let tries = 0; tries < BUSY_TRIES; tries += 1) {
      count = this.#takeBusy(count);
      if (count === 0) return;
      this.#rest(BUSY_PAUSE_MS);
      this.#forward(count, Atomics.load(this.#words, DOORBELL));
    }
  }

  /** Moves these packets to the first slots, in order, as if they had not been received yet. */
  #takeBusy(count: number): number {
    let taken = 0;
    let bytes = 0;
    for (let index = 0; index < count; index += 1) {
      const slot = this.#slotBase + index * L.SLOT_SIZE;
      if (this.#u32(slot + L.SLOT_VERDICT) !== BUSY) continue;
      const to = this.#slotBase + taken * L.SLOT_SIZE;
      const length = this.#u32(slot + L.SLOT_LENGTH);
      if (to !== slot) this.#bytes.copyWithin(to, slot, slot + L.SLOT_PACKET + length);
      taken += 1;
      bytes += length;
    }
    this.#count(V.COUNTER_RECEIVED, -taken);
    this.#count(V.COUNTER_BYTES_RECEIVED, -bytes);
    this.#count(V.COUNTER_DROPS + V.DROP_TABLE_BUSY, -taken);
    return taken;
  }

  get #busyDrops(): number {
    const counter = V.COUNTER_DROPS + V.DROP_TABLE_BUSY;
    return this.#u32(this.#record + L.WORKER_COUNTERS + counter * 8);
  }

  /** Wakes control if the core has rung since. */
  #notify(rings: number): void {
    if (Atomics.load(this.#words, DOORBELL) !== rings) Atomics.notify(this.#words, DOORBELL);
  }

  /** Sends what leaves of a batch, in order. */
  #transmitLeaving(toSend: number, received: number): void {
    const end = this.#slotBase + received * L.SLOT_SIZE;
    let found = 0;
    for (let slot = this.#slotBase; found < toSend && slot < end; slot += L.SLOT_SIZE) {
      if (leaves(this.#u32(slot + L.SLOT_VERDICT))) this.#leaving[found++] = slot;
    }
    if (this.#ackFilter && found > 1) {
      found = this.#ackFilter.filter(this.#leaving, found, this.#countSuperseded);
    }
    if (this.#device.transmitBatch) {
      this.#device.transmitBatch(this.#leaving, found, this.#countLoss);
      return;
    }
    for (let index = 0; index < found; index += 1) {
      const slot = this.#leaving[index] ?? 0;
      if (!this.#device.transmit(slot)) this.#countLoss(slot);
    }
  }

  /** Passes until HEADER_STOP is set: polls while there is traffic, sleeps in the device when idle. */
  run(beforePass?: () => void): void {
    const polling = new Polling(this.#nowMs);
    const pace = new Pace(PACE);
    let hasRested = false;
    while (!this.isStopping()) {
      beforePass?.();
      const handled = this.pass();
      if (handled === 0) {
        if (hasRested || polling.empty()) this.#sleep();
        hasRested = false;
        continue;
      }
      polling.busy();
      const nowMs = this.#nowMs();
      pace.count(handled, nowMs);
      // with all slots full there are more already
      const restMs = this.#rest && handled < this.#slotCount ? pace.restMs(nowMs) : 0;
      hasRested = restMs > 0;
      if (hasRested) this.#rest!(restMs);
    }
  }

  isStopping(): boolean {
    return Atomics.load(this.#words, L.HEADER_STOP >>> 2) !== 0;
  }

  /** SLEEPING is set before the last look at ring and stop word: who writes these reads it after. */
  #sleep(): void {
    const sleeping = (this.#record + L.WORKER_SLEEPING) >>> 2;
    Atomics.store(this.#words, sleeping, 1);
    if (this.#fromControl.isEmpty() && !this.isStopping()) {
      this.#count(V.COUNTER_SLEEPS, 1);
      this.#device.wait(SLEEP_LIMIT_MS);
    }
    Atomics.store(this.#words, sleeping, 0);
  }

  #transmitQueued(): number {
    for (let done = 0; done < RECORDS_PER_PASS; done += 1) {
      const at = this.#fromControl.oldest();
      if (at === 0) return done;
      this.#transmitRecord(at);
      this.#fromControl.release(at);
    }
    return RECORDS_PER_PASS;
  }

  /** By way of the first slot, which is free before a batch is received: slots are what devices take. */
  #transmitRecord(at: number): void {
    const slot = this.#slotBase;
    const length = this.#u32(at + L.RING_PACKET_LENGTH);
    const end = at + L.RING_PACKET + length;
    this.#bytes.copyWithin(slot + L.SLOT_VNET, at + L.RING_VNET, end);
    this.#words[(slot + L.SLOT_LENGTH) >>> 2] = length;
    const entry = this.#u32(at + L.RING_ENTRY);
    const rewrites = this.#u32(at + L.RING_KIND) === L.QUEUE_REWRITE;
    const sent =
      (!rewrites ||
        leaves(this.#core.forwardHeld(this.#worker, slot, entry, this.#nowMs()) >>> 0)) &&
      this.#device.transmit(slot);
    this.#count(sent ? V.COUNTER_FROM_CONTROL : V.COUNTER_FROM_CONTROL_DROPPED, 1);
    if (!rewrites) return;
    const owner = this.#u32(this.#record + L.WORKER_OWNER);
    const idRun = this.#u32(at + L.RING_ID_RUN);
    this.#core.held(owner, entry, idRun, this.#u32(at + L.RING_ID_COUNTER), 1);
  }

  readonly #countLoss = (slot: number): void => this.#unsend(slot, V.DROP_TRANSMIT_FAILED);
  readonly #countSuperseded = (slot: number): void => this.#unsend(slot, V.DROP_SUPERSEDED_ACK);

  /** The core counted the packet as sent: it becomes a drop, so that the counters still add up. */
  #unsend(slot: number, reason: number): void {
    const answered = (this.#u32(slot + L.SLOT_VERDICT) & 0xff) === V.VERDICT_ANSWER;
    this.#count(answered ? V.COUNTER_ANSWERED : V.COUNTER_FORWARDED, -1);
    if (!answered) this.#count(V.COUNTER_BYTES_FORWARDED, -this.#u32(slot + L.SLOT_LENGTH));
    this.#count(V.COUNTER_DROPS + reason, 1);
  }

  /** Adds to a u64 counter, which only this thread writes, without making a BigInt. */
  #count(counter: number, amount: number): void {
    const low = (this.#record + L.WORKER_COUNTERS + counter * 8) >>> 2;
    const sum = this.#u32(low << 2) + amount;
    this.#words[low] = sum | 0;
    const carry = Math.floor(sum / 0x100000000);
    if (carry !== 0) this.#words[low + 1] = ((this.#words[low + 1] ?? 0) + carry) | 0;
  }

  #u32(address: number): number {
    return (this.#words[address >>> 2] ?? 0) >>> 0;
  }
}

function leaves(verdict: number): boolean {
  const kind = verdict & 0xff;
  return kind === V.VERDICT_FORWARD || kind === V.VERDICT_ANSWER;
}
