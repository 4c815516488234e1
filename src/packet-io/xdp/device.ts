import { SLOT_PACKET, SLOT_SIZE } from '../../../assembly/layout.ts';
import type { Device } from '../device.ts';
import { Readiness } from '../readiness.ts';
import { INNER_MAC, OUTER_MAC } from '../veth.ts';
import type { PortQueue } from './open.ts';
import { PortRings } from './rings.ts';

const MAC_HEADER = 14;
const MAC_TYPE = 12;
const UNSENT_WAIT_MS = 1;

/** A MAC header; the EtherTypes of IPv4 and IPv6 are 0x0800 and 0x86dd. */
export function macHeader(to: Uint8Array, from: Uint8Array, version: 4 | 6): Uint8Array {
  const header = new Uint8Array(MAC_HEADER);
  header.set(to);
  header.set(from, to.length);
  header.set(version === 4 ? [0x08, 0x00] : [0x86, 0xdd], MAC_TYPE);
  return header;
}

/** One worker's AF_XDP sockets on one end of a veth pair. For one thread. */
export class XdpDevice implements Device {
  readonly #kernel: PortRings;
  readonly #readiness: Readiness;
  readonly #bytes: Uint8Array;
  readonly #header4 = macHeader(OUTER_MAC, INNER_MAC, 4);
  readonly #header6 = macHeader(OUTER_MAC, INNER_MAC, 6);

  constructor(memory: WebAssembly.Memory, port: PortQueue, wakeFd: number) {
    this.#kernel = new PortRings(memory, port);
    this.#readiness = new Readiness(port.fds, wakeFd);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get receiveErrors(): number {
    return this.#kernel.receiveErrors;
  }

  receive(slot: number, count: number): number {
    return this.#kernel.receive(slot, count, SLOT_SIZE);
  }

  transmit(slot: number): boolean {
    return this.#queue(slot) && this.#kernel.flush();
  }

  transmitBatch(slots: Uint32Array, count: number, lost: (slot: number) => void): void {
    let first = 0;
    for (let index = 0; index < count; index += 1) {
      const slot = slots[index] ?? 0;
      if (this.#send(slot)) continue;
      // no frame may be free, or the ring be full
      if (this.#kernel.flush()) first = index;
      if (!this.#send(slot)) lost(slot);
    }
    if (this.#kernel.flush()) return;
    for (let index = first; index < count; index += 1) lost(slots[index] ?? 0);
  }

  #queue(slot: number): boolean {
    return this.#send(slot) || (this.#kernel.flush() && this.#send(slot));
  }

  #send(slot: number): boolean {
    const version = (this.#bytes[slot + SLOT_PACKET] ?? 0) >>> 4;
    if (version === 4) return this.#kernel.send(slot, this.#header4);
    return version === 6 && this.#kernel.send(slot, this.#header6);
  }

  wait(timeoutMs: number): void {
    this.#kernel.flush();
    this.#readiness.wait(this.#kernel.hasUnsent ? UNSENT_WAIT_MS : timeoutMs);
  }
}
