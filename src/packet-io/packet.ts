import {
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_PACKET_LIMIT,
  SLOT_SIZE,
  SLOT_VNET,
  VNET_SIZE,
} from '../../assembly/layout.ts';
import type { Device } from './device.ts';
import * as libc from './libc.ts';
import * as ring from './packet-ring.ts';
import { Readiness } from './readiness.ts';
import { INNER_MAC, OUTER_MAC } from './veth.ts';

const MAC_HEADER = 14;
const MAC_TYPE = 12;
// EtherTypes as they lie in memory, read as a little-endian u16
const TYPE_IPV4 = 0x0008;
const TYPE_IPV6 = 0xdd86;
const MSG_DONTWAIT = 0x40;
const UNSENT_WAIT_MS = 1;

// virtio_net_hdr as u16 words: flags and type of segmentation, header length, segment size, checksum's
// start and place. AF_PACKET counts from the MAC header, the slots (as a TUN) from the IP header.
const VNET_WORDS = VNET_SIZE / 2;
const VNET_HEADER_LENGTH = 1;
const VNET_CHECKSUM_START = 3;
const NEEDS_CHECKSUM = 1;

/** One end of a veth pair through AF_PACKET rings in the shared memory. For one thread. */
export class PacketDevice implements Device {
  readonly #fd: number;
  readonly #readiness: Readiness;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Int32Array;
  /** where the state words are, as indexes of #words */
  readonly #received: number;
  readonly #transmitted: number;
  readonly #receiveFrames: Uint32Array;
  readonly #transmitFrames: Uint32Array;
  /** frames were filled that the kernel would not take yet */
  #hasUnsent = false;
  /** packets that could not be taken whole */
  receiveErrors = 0;

  /** `base`: where the rings of this queue are (openPacketQueues). */
  constructor(memory: WebAssembly.Memory, fd: number, base: number, wakeFd: number) {
    this.#fd = fd;
    this.#readiness = new Readiness([fd], wakeFd);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#halves = new Uint16Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.#received = (base + ring.STATE_RECEIVE) >>> 2;
    this.#transmitted = (base + ring.STATE_TRANSMIT) >>> 2;
    const { receive, transmit } = ring.ringFrames(base);
    this.#receiveFrames = receive;
    this.#transmitFrames = transmit;
    this.#resume();
  }

  /** An earlier thread may have died between the two steps with which a frame changes hands. */
  #resume(): void {
    const count = this.#receiveFrames.length;
    const before = (this.#next(this.#received) + count - 1) % count;
    this.#setStatus(this.#receiveFrames[before] ?? 0, 0);
    for (let left = this.#transmitFrames.length; left > 0 && this.#isNextUnsent(); left -= 1) {
      this.#advance(this.#transmitted, this.#transmitFrames.length);
    }
    this.#kick();
  }

  receive(slot: number, count: number): number {
    if (this.#hasUnsent) this.#kick();
    let filled = 0;
    while (filled < count) {
      const frame = this.#receiveFrames[this.#next(this.#received)] ?? 0;
      if ((this.#status(frame) & ring.STATUS_USER) === 0) break;
      if (this.#take(frame, slot + filled * SLOT_SIZE)) filled += 1;
      // first, so that a frame is never given back twice
      this.#advance(this.#received, this.#receiveFrames.length);
      this.#setStatus(frame, 0);
    }
    return filled;
  }

  /** Copies a frame's packet into a slot; false: it is none for the core. */
  #take(frame: number, slot: number): boolean {
    const mac = frame + this.#half(frame + ring.FRAME_MAC);
    const type = this.#half(mac + MAC_TYPE);
    if (type !== TYPE_IPV4 && type !== TYPE_IPV6) return false;
    const kept = this.#word(frame + ring.FRAME_KEPT);
    const length = kept - MAC_HEADER;
    if (kept < this.#word(frame + ring.FRAME_LENGTH) || length > SLOT_PACKET_LIMIT || length <= 0) {
      this.receiveErrors += 1;
      return false;
    }
    const packet = frame + this.#half(frame + ring.FRAME_NETWORK);
    this.#bytes.copyWithin(slot + SLOT_PACKET, packet, packet + length);
    this.#copyVnet(mac - VNET_SIZE, slot + SLOT_VNET, -MAC_HEADER);
    this.#words[(slot + SLOT_LENGTH) >>> 2] = length;
    return true;
  }

  transmit(slot: number): boolean {
    if (!this.#fill(slot)) {
      this.#kick(); // the ring may be full
      if (!this.#fill(slot)) return false;
    }
    return this.#kick();
  }

  transmitBatch(slots: Uint32Array, count: number, lost: (slot: number) => void): void {
    let first = 0;
    for (let index = 0; index < count; index += 1) {
      const slot = slots[index] ?? 0;
      if (this.#fill(slot)) continue;
      // the ring may be full
      if (this.#kick()) first = index;
      if (!this.#fill(slot)) lost(slot);
    }
    if (this.#kick()) return;
    for (let index = first; index < count; index += 1) lost(slots[index] ?? 0);
  }

  /** Puts a packet into the next frame; false: there is none, or it is no IP packet. */
  #fill(slot: number): boolean {
    const frame = this.#transmitFrames[this.#next(this.#transmitted)] ?? 0;
    if (this.#status(frame) !== 0) return false;
    const length = this.#word(slot + SLOT_LENGTH);
    const version = (this.#bytes[slot + SLOT_PACKET] ?? 0) >>> 4;
    if ((version !== 4 && version !== 6) || length > SLOT_PACKET_LIMIT) return false;
    const mac = frame + ring.FRAME_DATA + VNET_SIZE;
    this.#copyVnet(slot + SLOT_VNET, frame + ring.FRAME_DATA, MAC_HEADER);
    this.#bytes.set(OUTER_MAC, mac);
    this.#bytes.set(INNER_MAC, mac + OUTER_MAC.length);
    this.#halves[(mac + MAC_TYPE) >>> 1] = version === 4 ? TYPE_IPV4 : TYPE_IPV6;
    const packet = slot + SLOT_PACKET;
    this.#bytes.copyWithin(mac + MAC_HEADER, packet, packet + length);
    this.#words[(frame + ring.FRAME_LENGTH) >>> 2] = VNET_SIZE + MAC_HEADER + length;
    this.#setStatus(frame, ring.STATUS_SEND);
    this.#advance(this.#transmitted, this.#transmitFrames.length);
    return true;
  }

  /** Lets the kernel send what was filled; false: it refuses for good. */
  #kick(): boolean {
    this.#hasUnsent = false;
    if (libc.send(this.#fd, 0, 0, MSG_DONTWAIT) >= 0) return true;
    const errno = libc.errno();
    this.#hasUnsent = errno === libc.EAGAIN || errno === libc.ENOBUFS;
    return this.#hasUnsent;
  }

  wait(timeoutMs: number): void {
    if (this.#hasUnsent) this.#kick();
    this.#readiness.wait(this.#hasUnsent ? UNSENT_WAIT_MS : timeoutMs);
  }

  /** Offsets within the packet grow by `shift`. */
  #copyVnet(from: number, to: number, shift: number): void {
    const halves = this.#halves;
    const [source, target] = [from >>> 1, to >>> 1];
    for (let word = 0; word < VNET_WORDS; word += 1) {
      halves[target + word] = halves[source + word] ?? 0;
    }
    const first = halves[source] ?? 0;
    const flags = first & 0xff;
    if (first !== flags) {
      halves[target + VNET_HEADER_LENGTH] = (halves[source + VNET_HEADER_LENGTH] ?? 0) + shift;
    }
    if ((flags & NEEDS_CHECKSUM) !== 0) {
      halves[target + VNET_CHECKSUM_START] = (halves[source + VNET_CHECKSUM_START] ?? 0) + shift;
    }
  }

  #isNextUnsent(): boolean {
    const frame = this.#transmitFrames[this.#next(this.#transmitted)] ?? 0;
    return this.#status(frame) === ring.STATUS_SEND;
  }

  #next(state: number): number {
    return this.#words[state] ?? 0;
  }

  #advance(state: number, count: number): void {
    const next = this.#next(state) + 1;
    this.#words[state] = next === count ? 0 : next;
  }

  #status(frame: number): number {
    return Atomics.load(this.#words, (frame + ring.FRAME_STATUS) >>> 2);
  }

  #setStatus(frame: number, status: number): void {
    Atomics.store(this.#words, (frame + ring.FRAME_STATUS) >>> 2, status);
  }

  #word(address: number): number {
    return (this.#words[address >>> 2] ?? 0) >>> 0;
  }

  #half(address: number): number {
    return this.#halves[address >>> 1] ?? 0;
  }
}
