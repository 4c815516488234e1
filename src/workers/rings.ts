import * as L from '../../assembly/layout.ts';
import type { OutgoingPacket, PacketEvent } from '../event.ts';
import type { Waker } from '../packet-io/device.ts';
import { Slab } from './slab.ts';

// The TypeScript side of the rings between workers and control (layout.ts, RING_*). Each ring has one
// reader and one writer; positions are bytes ever read and written (u32, wrapping), so a thread that takes
// a dead one's side over just goes on. Records are published whole: a writer that dies leaves none half.

const RECORD_STEP = 8;

/** Address of a worker's record. */
export function workerAddress(view: DataView, worker: number): number {
  return view.getUint32(L.HEADER_WORKER_BASE, true) + worker * L.WORKER_SIZE;
}

interface RingFields {
  base: number;
  size: number;
  tail: number;
  head: number;
}

const TO_CONTROL: RingFields = {
  base: L.WORKER_TO_CONTROL_BASE,
  size: L.WORKER_TO_CONTROL_SIZE,
  tail: L.WORKER_TO_CONTROL_TAIL,
  head: L.WORKER_TO_CONTROL_HEAD,
};
const FROM_CONTROL: RingFields = {
  base: L.WORKER_FROM_CONTROL_BASE,
  size: L.WORKER_FROM_CONTROL_SIZE,
  tail: L.WORKER_FROM_CONTROL_TAIL,
  head: L.WORKER_FROM_CONTROL_HEAD,
};

class Ring {
  readonly #words: Int32Array;
  readonly #base: number;
  readonly #size: number;
  readonly #tailWord: number;
  readonly #headWord: number;

  constructor(memory: WebAssembly.Memory, worker: number, fields: RingFields) {
    const view = new DataView(memory.buffer);
    const record = workerAddress(view, worker);
    this.#words = new Int32Array(memory.buffer);
    this.#base = view.getUint32(record + fields.base, true);
    this.#size = view.getUint32(record + fields.size, true);
    this.#tailWord = (record + fields.tail) >>> 2;
    this.#headWord = (record + fields.head) >>> 2;
  }

  isEmpty(): boolean {
    return Atomics.load(this.#words, this.#tailWord) === Atomics.load(this.#words, this.#headWord);
  }

  /** Reader: address of the oldest record, 0 when there is none. */
  oldest(): number {
    for (;;) {
      const head = Atomics.load(this.#words, this.#headWord);
      if (head === Atomics.load(this.#words, this.#tailWord)) return 0;
      const at = this.#base + (head & (this.#size - 1));
      if (this.#words[(at + L.RING_KIND) >>> 2] !== L.QUEUE_SKIP) return at;
      this.release(at);
    }
  }

  /** Reader: gives the bytes of the oldest record back to the writer. */
  release(at: number): void {
    const length = this.#words[(at + L.RING_LENGTH) >>> 2] ?? 0;
    const head = Atomics.load(this.#words, this.#headWord);
    Atomics.store(this.#words, this.#headWord, (head + length) | 0);
  }

  /** Writer: address for a record of this length with its head begun, 0 when there is no room. */
  reserve(length: number, kind: number): number {
    const whole = (length + RECORD_STEP - 1) & -RECORD_STEP;
    const tail = Atomics.load(this.#words, this.#tailWord);
    const free = this.#size - ((tail - Atomics.load(this.#words, this.#headWord)) >>> 0);
    const position = tail & (this.#size - 1);
    const toEnd = this.#size - position;
    if (whole <= toEnd) return whole <= free ? this.#begin(position, whole, kind) : 0;
    if (toEnd + whole > free) return 0;
    this.publish(this.#begin(position, toEnd, L.QUEUE_SKIP));
    return this.#begin(0, whole, kind);
  }

  /** Writer: shows the record to the reader. */
  publish(at: number): void {
    const length = this.#words[(at + L.RING_LENGTH) >>> 2] ?? 0;
    const tail = Atomics.load(this.#words, this.#tailWord);
    Atomics.store(this.#words, this.#tailWord, (tail + length) | 0);
  }

  #begin(position: number, length: number, kind: number): number {
    const at = this.#base + position;
    this.#words[(at + L.RING_LENGTH) >>> 2] = length;
    this.#words[(at + L.RING_KIND) >>> 2] = kind;
    return at;
  }
}

/** Main thread: takes what all workers queued for control. */
export class ToControlReader {
  readonly #rings: Ring[];
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #slab = new Slab();

  constructor(memory: WebAssembly.Memory) {
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    const workers = this.#view.getUint32(L.HEADER_WORKER_COUNT, true);
    this.#rings = Array.from({ length: workers }, (_, w) => new Ring(memory, w, TO_CONTROL));
  }

  isEmpty(): boolean {
    return this.#rings.every((ring) => ring.isEmpty());
  }

  /**
   * Records in the order in which the workers queued them, at most `limit` of one worker; copies. Packets
   * of one connection may come to several workers, and must not overtake each other here.
   */
  read(limit: number): PacketEvent[] {
    const events: PacketEvent[] = [];
    const counts = this.#rings.map(() => 0);
    for (;;) {
      const chosen = this.#oldestRing();
      const ring = this.#rings[chosen];
      if (!ring || counts[chosen] === limit) return events;
      const at = ring.oldest();
      events.push(this.#event(at));
      ring.release(at);
      counts[chosen]! += 1;
    }
  }

  /** Index of the ring whose oldest record was queued first, -1 when all are empty. */
  #oldestRing(): number {
    let chosen = -1;
    let order = 0;
    // looks again at the others after each choice: what was queued before a record that is seen is seen then
    for (let settled = false; !settled;) {
      settled = true;
      for (const [index, ring] of this.#rings.entries()) {
        const at = index === chosen ? 0 : ring.oldest();
        if (at === 0) continue;
        const its = this.#view.getInt32(at + L.RING_ORDER, true);
        if (chosen >= 0 && ((its - order) | 0) >= 0) continue;
        [chosen, order, settled] = [index, its, this.#rings.length === 1];
      }
    }
    return chosen;
  }

  #event(at: number): PacketEvent {
    const u32 = (field: number): number => this.#view.getUint32(at + field, true);
    const end = at + L.RING_PACKET + u32(L.RING_PACKET_LENGTH);
    const bytes = this.#slab.copy(this.#bytes, at + L.RING_VNET, end);
    return {
      kind: 'packet',
      queue: u32(L.RING_KIND),
      worker: u32(L.RING_WORKER),
      entry: u32(L.RING_ENTRY),
      idRun: u32(L.RING_ID_RUN),
      idCounter: u32(L.RING_ID_COUNTER),
      options: u32(L.RING_OPTIONS),
      packet: bytes.subarray(L.VNET_SIZE),
      vnet: bytes.subarray(0, L.VNET_SIZE),
    };
  }
}

/** Main thread: gives packets to workers and wakes those that sleep. */
export class FromControlWriter {
  readonly #rings: Ring[];
  readonly #wakers: Waker[];
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #sleeping: number[];
  /** packets refused because the worker's ring was full (DROP_FROM_CONTROL_FULL), by worker */
  readonly refused: number[];

  /** `wakers`: one per worker. */
  constructor(memory: WebAssembly.Memory, wakers: Waker[]) {
    this.#view = new DataView(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#wakers = wakers;
    this.#rings = wakers.map((_, worker) => new Ring(memory, worker, FROM_CONTROL));
    this.#sleeping = wakers.map(
      (_, worker) => (workerAddress(this.#view, worker) + L.WORKER_SLEEPING) >>> 2,
    );
    this.refused = wakers.map(() => 0);
  }

  /** False when the worker's ring is full: the packet is lost and counted. */
  push(outgoing: OutgoingPacket): boolean {
    const { worker, packet, vnet, rewrite } = outgoing;
    const kind = rewrite === undefined ? L.QUEUE_TRANSMIT : L.QUEUE_REWRITE;
    const ring = this.#rings[worker];
    const at = ring?.reserve(L.RING_PACKET + packet.length, kind) ?? 0;
    if (!ring || at === 0) {
      this.refused[worker] = (this.refused[worker] ?? 0) + 1;
      return false;
    }
    const [idRun, idCounter] = rewrite === undefined ? [0, 0] : this.handoffId(rewrite);
    const u32 = (field: number, value: number): void =>
      this.#view.setUint32(at + field, value, true);
    u32(L.RING_ENTRY, rewrite ?? L.NO_ENTRY);
    u32(L.RING_WORKER, worker);
    u32(L.RING_ID_RUN, idRun);
    u32(L.RING_ID_COUNTER, idCounter);
    u32(L.RING_PACKET_LENGTH, packet.length);
    u32(L.RING_OPTIONS, 0);
    if (vnet) this.#bytes.set(vnet, at + L.RING_VNET);
    else this.#bytes.fill(0, at + L.RING_VNET, at + L.RING_PACKET);
    this.#bytes.set(packet, at + L.RING_PACKET);
    ring.publish(at);
    this.wake(worker);
    return true;
  }

  /** The id that an entry has now; only control changes it, so it is the one control meant. */
  handoffId(entry: number): [run: number, counter: number] {
    const record = this.#view.getUint32(L.HEADER_RECORD_BASE, true) + entry * L.RECORD_SIZE;
    return [
      this.#view.getUint32(record + L.RECORD_ID_RUN, true),
      this.#view.getUint32(record + L.RECORD_ID_COUNTER, true),
    ];
  }

  /** Wakes a worker that sleeps; whoever clears the word has done it, so one call of write(2) is enough. */
  wake(worker: number): void {
    const word = this.#sleeping[worker] ?? 0;
    if (Atomics.compareExchange(this.#words, word, 1, 0) === 1) this.#wakers[worker]?.wake();
  }
}

/** Worker's thread: takes what control queued for it. */
export class FromControlReader {
  readonly #ring: Ring;

  constructor(memory: WebAssembly.Memory, worker: number) {
    this.#ring = new Ring(memory, worker, FROM_CONTROL);
  }

  isEmpty(): boolean {
    return this.#ring.isEmpty();
  }

  /** Address of the oldest record, 0 when there is none; release() it before the next call. */
  oldest(): number {
    return this.#ring.oldest();
  }

  release(at: number): void {
    this.#ring.release(at);
  }
}
