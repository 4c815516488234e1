import {
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_PACKET_LIMIT,
  SLOT_SIZE,
  SLOT_VNET,
  VNET_SIZE,
} from '../../assembly/layout.ts';
import type { Device } from './device.ts';

/** A packet outside the shared memory; `vnet` are the ten bytes of its virtio_net_hdr. */
export interface LoosePacket {
  packet: Uint8Array;
  vnet: Uint8Array;
}

/** A device without a network: for tests and the simulation. */
export class MemoryDevice implements Device {
  /** packets that wait to be received, oldest first */
  readonly arriving: LoosePacket[] = [];
  /** packets that were transmitted, oldest first */
  sent: LoosePacket[] = [];
  /** while true, transmit() refuses */
  refuses = false;
  /** how often a worker would have gone to sleep */
  waits = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  arrive(packet: Uint8Array, vnet: Uint8Array = new Uint8Array(VNET_SIZE)): void {
    if (packet.length > SLOT_PACKET_LIMIT) throw new Error(`a packet of ${packet.length} bytes`);
    this.arriving.push({ packet, vnet });
  }

  /** What was transmitted since the last call. */
  take(): LoosePacket[] {
    const sent = this.sent;
    this.sent = [];
    return sent;
  }

  receive(slot: number, count: number): number {
    const batch = this.arriving.splice(0, count);
    for (const [index, { packet, vnet }] of batch.entries()) {
      const at = slot + index * SLOT_SIZE;
      this.#bytes.set(vnet, at + SLOT_VNET);
      this.#bytes.set(packet, at + SLOT_PACKET);
      this.#view.setUint32(at + SLOT_LENGTH, packet.length, true);
    }
    return batch.length;
  }

  transmit(slot: number): boolean {
    if (this.refuses) return false;
    const length = this.#view.getUint32(slot + SLOT_LENGTH, true);
    this.sent.push({
      vnet: this.#bytes.slice(slot + SLOT_VNET, slot + SLOT_VNET + VNET_SIZE),
      packet: this.#bytes.slice(slot + SLOT_PACKET, slot + SLOT_PACKET + length),
    });
    return true;
  }

  wait(): void {
    this.waits += 1;
  }
}
