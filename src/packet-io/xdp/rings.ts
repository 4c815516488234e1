import {
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_PACKET_LIMIT,
  SLOT_VNET,
} from '../../../assembly/layout.ts';
import * as libc from '../libc.ts';
import type { PortQueue } from './open.ts';
import * as place from './place.ts';
import type { RingOffsets } from './socket.ts';

const MAC_HEADER = 14;
const MSG_DONTWAIT = 0x40;
const NEED_WAKEUP = 1;
const SEND_TRIES = 8;
const LOCK_TRIES = 2000;
const REFILL = 64;
/** up to here words are copied one by one, which costs less than a call */
const COPIED_BY_WORD = 320;
const FRAME_MASK = ~(place.FRAME_SIZE - 1);

/** A ring of the kernel's, for the side that this thread is on. Indexes count mod 2^32. */
class Ring {
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  /** index of the first entry's first word */
  readonly first: number;
  readonly mask: number;
  readonly entries: number;

  constructor({ at, entries }: place.RingPlace, offsets: RingOffsets) {
    this.producer = (at + offsets.producer) >>> 2;
    this.consumer = (at + offsets.consumer) >>> 2;
    this.flags = (at + offsets.flags) >>> 2;
    this.first = (at + offsets.entries) >>> 2;
    this.mask = entries - 1;
    this.entries = entries;
  }
}

interface Queue {
  fd: number;
  fill: Ring;
  completion: Ring;
  receive: Ring;
}

/** One worker's part of a device: frames in, frames out. For one thread. */
export class PortRings {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #queues: Queue[];
  readonly #transmit: Ring;
  readonly #transmitFd: number;
  readonly #mark: number;
  readonly #lock: number;
  readonly #freeCount: number;
  readonly #freeList: number;
  readonly #pendingCount: number;
  readonly #pendingList: number;
  readonly #ownCount: number;
  readonly #ownList: number;
  readonly #frames: number;
  /** frames were queued that the kernel has not sent yet */
  hasUnsent = false;
  /** packets that were too long for a frame */
  receiveErrors = 0;

  constructor(memory: WebAssembly.Memory, port: PortQueue) {
    this.#words = new Int32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    const { offsets } = port;
    this.#queues = port.queues.map(({ fill, completion, receive }, index) => ({
      fd: port.fds[index]!,
      fill: new Ring(fill, offsets.fill),
      completion: new Ring(completion, offsets.completion),
      receive: new Ring(receive, offsets.receive),
    }));
    this.#transmit = new Ring(port.transmit, offsets.transmit);
    this.#transmitFd = port.transmitFd;
    this.#mark = port.worker + 1;
    this.#lock = (port.base + place.LOCK) >>> 2;
    this.#freeCount = (port.base + place.FREE_COUNT) >>> 2;
    this.#freeList = (port.base + place.FREE_LIST) >>> 2;
    this.#pendingCount = (port.page + place.PENDING_COUNT) >>> 2;
    this.#pendingList = (port.page + place.PENDING_LIST) >>> 2;
    this.#ownCount = (port.page + place.OWN_COUNT) >>> 2;
    this.#ownList = (port.page + place.OWN_LIST) >>> 2;
    this.#frames = port.frames;
    // an earlier thread of this worker may have died with the lock
    Atomics.compareExchange(this.#words, this.#lock, this.#mark, 0);
    this.#kick();
  }

  /** Fills slots, `stride` bytes apart, with IP packets; returns how many. */
  receive(slot: number, count: number, stride: number): number {
    let filled = 0;
    for (let queue = 0; queue < this.#queues.length && filled < count; queue += 1) {
      filled += this.#receiveFrom(queue, slot + filled * stride, count - filled, stride);
    }
    if (this.#words[this.#pendingCount] !== 0) this.#giveBack();
    if (this.hasUnsent) this.#kick();
    return filled;
  }

  #receiveFrom(queue: number, slot: number, count: number, stride: number): number {
    const words = this.#words;
    const { receive } = this.#queues[queue]!;
    const consumer = words[receive.consumer] ?? 0;
    const waiting = (Atomics.load(words, receive.producer) - consumer) | 0;
    let pending = words[this.#pendingCount] ?? 0;
    const most = Math.min(waiting, count, place.PENDING_LIMIT - pending);
    let filled = 0;
    for (let index = 0; index < most; index += 1) {
      const entry = receive.first + ((consumer + index) & receive.mask) * 4;
      const frame = words[entry] ?? 0;
      const length = (words[entry + 2] ?? 0) - MAC_HEADER;
      if (this.#take(frame, length, slot + filled * stride)) filled += 1;
      words[this.#pendingList + pending] = (frame & FRAME_MASK) | queue;
      pending += 1;
    }
    if (most <= 0) return 0;
    // a thread that dies here loses frames; the other way round it would give some back twice
    Atomics.store(words, receive.consumer, (consumer + most) | 0);
    words[this.#pendingCount] = pending;
    return filled;
  }

  #take(frame: number, length: number, slot: number): boolean {
    if (length <= 0 || length > SLOT_PACKET_LIMIT) {
      this.receiveErrors += 1;
      return false;
    }
    this.#copy(this.#frames + frame + MAC_HEADER, slot + SLOT_PACKET, length);
    const words = this.#words;
    const vnet = (slot + SLOT_VNET - 2) >>> 2; // the header begins in the middle of a word
    words[vnet] = 0;
    words[vnet + 1] = 0;
    words[vnet + 2] = 0;
    words[(slot + SLOT_LENGTH) >>> 2] = length;
    return true;
  }

  /** Between places that begin with a word. */
  #copy(from: number, to: number, length: number): void {
    if (length > COPIED_BY_WORD || ((from | to) & 3) !== 0) {
      this.#bytes.copyWithin(to, from, from + length);
      return;
    }
    const words = this.#words;
    const end = (from + length + 3) >>> 2;
    for (let source = from >>> 2, target = to >>> 2; source < end; source += 1, target += 1) {
      words[target] = words[source] ?? 0;
    }
  }

  /** Frames whose packets were copied go back to the kernel; when another worker does so, later. */
  #giveBack(): void {
    if (!this.#acquire()) return;
    const words = this.#words;
    const pending = words[this.#pendingCount] ?? 0;
    words[this.#pendingCount] = 0;
    for (let index = 0; index < pending; index += 1) {
      const mixed = words[this.#pendingList + index] ?? 0;
      const { fill } = this.#queues[mixed & ~FRAME_MASK]!;
      const producer = words[fill.producer] ?? 0;
      const entry = fill.first + (producer & fill.mask) * 2;
      words[entry] = mixed & FRAME_MASK;
      words[entry + 1] = 0;
      Atomics.store(words, fill.producer, (producer + 1) | 0);
    }
    this.#release();
    for (const { fd, fill } of this.#queues) {
      if ((Atomics.load(words, fill.flags) & NEED_WAKEUP) !== 0) {
        libc.receive(fd, 0, 0, MSG_DONTWAIT);
      }
    }
  }

  /** Queues a packet behind that MAC header; false: it has no room. */
  send(slot: number, header: Uint8Array): boolean {
    const words = this.#words;
    const length = words[(slot + SLOT_LENGTH) >>> 2] ?? 0;
    if (length <= 0 || length > place.FRAME_ROOM - MAC_HEADER) return false;
    const ring = this.#transmit;
    const producer = words[ring.producer] ?? 0;
    const queued = (producer - Atomics.load(words, ring.consumer)) | 0;
    if (queued >= ring.entries) return false;
    const own = words[this.#ownCount] ?? 0;
    if (own === 0 && !this.#refill()) return false;
    const left = (words[this.#ownCount] ?? 0) - 1;
    const frame = (words[this.#ownList + left] ?? 0) + place.SHIFT;
    const at = this.#frames + frame;
    for (let index = 0; index < MAC_HEADER; index += 1)
      this.#bytes[at + index] = header[index] ?? 0;
    this.#copy(slot + SLOT_PACKET, at + MAC_HEADER, length);
    const entry = ring.first + (producer & ring.mask) * 4;
    words[entry] = frame;
    words[entry + 1] = 0;
    words[entry + 2] = length + MAC_HEADER;
    words[entry + 3] = 0;
    words[this.#ownCount] = left;
    Atomics.store(words, ring.producer, (producer + 1) | 0);
    this.hasUnsent = true;
    return true;
  }

  /** Lets the kernel send what was queued; false: it refuses for good. */
  flush(): boolean {
    return !this.hasUnsent || this.#kick();
  }

  #kick(): boolean {
    const words = this.#words;
    const { producer, consumer, flags } = this.#transmit;
    for (let tries = 0; tries < SEND_TRIES; tries += 1) {
      this.hasUnsent = words[producer] !== Atomics.load(words, consumer);
      if (!this.hasUnsent || (Atomics.load(words, flags) & NEED_WAKEUP) === 0) return true;
      if (libc.send(this.#transmitFd, 0, 0, MSG_DONTWAIT) >= 0) continue;
      const errno = libc.errno();
      if (errno === libc.EAGAIN) continue;
      this.hasUnsent = errno === libc.ENOBUFS || errno === libc.EBUSY;
      return this.hasUnsent;
    }
    this.hasUnsent = words[producer] !== Atomics.load(words, consumer);
    return true;
  }

  /** Takes transmit frames that were sent, or that nobody has had yet; false: there are none. */
  #refill(): boolean {
    if (!this.#acquire()) return false;
    const words = this.#words;
    let free = words[this.#freeCount] ?? 0;
    for (const { completion } of this.#queues) {
      const consumer = words[completion.consumer] ?? 0;
      const done = (Atomics.load(words, completion.producer) - consumer) | 0;
      for (let index = 0; index < done; index += 1) {
        const entry = completion.first + ((consumer + index) & completion.mask) * 2;
        words[this.#freeList + free] = (words[entry] ?? 0) & FRAME_MASK;
        free += 1;
      }
      if (done > 0) Atomics.store(words, completion.consumer, (consumer + done) | 0);
    }
    const own = words[this.#ownCount] ?? 0;
    const taken = Math.min(free, REFILL, place.OWN_LIMIT - own);
    for (let index = 0; index < taken; index += 1) {
      free -= 1;
      words[this.#ownList + own + index] = words[this.#freeList + free] ?? 0;
    }
    words[this.#freeCount] = free;
    words[this.#ownCount] = own + taken;
    this.#release();
    return own + taken > 0;
  }

  /** False: another worker has it, and probably no processor. */
  #acquire(): boolean {
    for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
      if (Atomics.compareExchange(this.#words, this.#lock, 0, this.#mark) === 0) return true;
    }
    return false;
  }

  #release(): void {
    Atomics.store(this.#words, this.#lock, 0);
  }
}
