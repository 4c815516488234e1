import * as L from '../assembly/layout.ts';

/**
 * The packet slots of one worker: packets in, Core.forward(worker, count, nowMs), packets out. Any other
 * source of packets may write there too; what a slot looks like is in layout.ts (SLOT_*).
 */
export class Slots {
  readonly count: number;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #stride: number;

  /** The memory map must have been written before. */
  constructor(memory: WebAssembly.Memory, worker = 0) {
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    const workers = this.#view.getUint32(L.HEADER_WORKER_BASE, true);
    const field = (offset: number): number =>
      this.#view.getUint32(workers + worker * L.WORKER_SIZE + offset, true);
    this.#base = field(L.WORKER_SLOT_BASE);
    this.#stride = field(L.WORKER_SLOT_STRIDE);
    this.count = field(L.WORKER_SLOT_COUNT);
  }

  /** For Core.forwardHeld. */
  address(slot: number): number {
    if (slot >= 0 && slot < this.count) return this.#base + slot * this.#stride;
    throw new RangeError(`slot ${slot} of ${this.count}`);
  }

  /** Puts an IP packet in, complete with its checksums. */
  put(slot: number, packet: Uint8Array): void {
    const at = this.address(slot);
    if (packet.length > this.#stride - L.SLOT_PACKET) {
      throw new RangeError(`a packet of ${packet.length} bytes in a slot of ${this.#stride}`);
    }
    this.#bytes.fill(0, at, at + L.SLOT_PACKET);
    this.#bytes.set(packet, at + L.SLOT_PACKET);
    this.#view.setUint32(at + L.SLOT_LENGTH, packet.length, true);
  }

  /** VERDICT_*: what forward() decided. */
  verdict(slot: number): number {
    return this.#view.getUint32(this.address(slot) + L.SLOT_VERDICT, true) & 0xff;
  }

  /** DROP_*, 0 of a packet that was not dropped. */
  reason(slot: number): number {
    return this.#view.getUint32(this.address(slot) + L.SLOT_VERDICT, true) >>> 8;
  }

  /** Index of the packet's connection, NO_ENTRY when it has none. */
  entry(slot: number): number {
    return this.#view.getUint32(this.address(slot) + L.SLOT_ENTRY, true);
  }

  /** A copy of the packet as it is to be sent. */
  packet(slot: number): Uint8Array {
    const at = this.address(slot);
    const from = at + L.SLOT_PACKET;
    return this.#bytes.slice(from, from + this.#view.getUint32(at + L.SLOT_LENGTH, true));
  }
}
