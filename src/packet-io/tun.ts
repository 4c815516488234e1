import * as libc from './libc.ts';
import {
  SLOT_LENGTH,
  SLOT_PACKET_LIMIT,
  SLOT_SIZE,
  SLOT_VNET,
  VNET_SIZE,
} from '../../assembly/layout.ts';
import type { Device } from './device.ts';
import { loadProgram, SOCKET_FILTER } from './bpf/calls.ts';
import { IoBatch, READ, WRITE } from './io-batch.ts';
import { Readiness } from './readiness.ts';

// linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETPERSIST = 0x400454cb;
const TUNSETSTEERINGEBPF = 0x800454e0;
const NO_PROGRAM = -1;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM = 1;
const TUN_F_TSO4 = 2;
const TUN_F_TSO6 = 4;
const IFREQ_SIZE = 40;
const TUN_PATH = '/dev/net/tun';
const IFREQ_FLAGS = 16;
const NAME_LIMIT = 15;

const MENDS: Record<string, string> = {
  ENOENT:
    'the kernel has no TUN device here: modprobe tun, or give the container --device /dev/net/tun',
  EACCES: 'this user may not open it: run as root, or chmod 0666 /dev/net/tun',
  EPERM: 'CAP_NET_ADMIN is missing: run as root, or give the container --cap-add NET_ADMIN',
  EBUSY:
    'the device exists and another process has it: stop that one, or choose another device name',
  EINVAL: 'a device of that name exists and is of another kind: choose another device name',
};

function refuse(what: string): never {
  throw new Error(libc.refusal(what, MENDS));
}

/** Why this user can not open /dev/net/tun, with the mend; undefined: it can be opened. */
export function tunRefusal(): string | undefined {
  const fd = libc.open(TUN_PATH, libc.O_RDWR | libc.O_CLOEXEC);
  if (fd < 0) return libc.refusal(`cannot open ${TUN_PATH}`, MENDS);
  libc.close(fd);
  return undefined;
}

function openQueue(name: string): number {
  const fd = openDevice(name, IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR);
  const offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (libc.ioctlNumber(fd, TUNSETOFFLOAD, offloads) >= 0) return fd;
  try {
    return refuse(`cannot switch offloads of ${name} on`);
  } finally {
    libc.close(fd);
  }
}

function openDevice(name: string, flags: number): number {
  const fd = libc.open(TUN_PATH, libc.O_RDWR | libc.O_NONBLOCK | libc.O_CLOEXEC);
  if (fd < 0) refuse(`cannot open ${TUN_PATH}`);
  const request = libc.bytesOfItsOwn(IFREQ_SIZE);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(IFREQ_FLAGS, flags, true);
  try {
    if (libc.ioctlBuffer(fd, TUNSETIFF, request) < 0) refuse(`cannot make the device ${name}`);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/**
 * Opens `queues` queues of one multi-queue TUN and returns their file descriptors. The device lives as
 * long as one of them is open, with `persistent` for ever, with its addresses and routes; close them
 * with closeQueues. Throws with the way to mend it.
 */
export function openTun(name: string, queues: number, persistent = false): number[] {
  if (name.length === 0 || name.length > NAME_LIMIT) {
    throw new Error(`device name "${name}": 1 to ${NAME_LIMIT} characters are possible`);
  }
  const fds: number[] = [];
  try {
    for (let queue = 0; queue < queues; queue += 1) fds.push(openQueue(name));
    if (libc.ioctlNumber(fds[0]!, TUNSETPERSIST, persistent ? 1 : 0) < 0) {
      refuse(`cannot make the device ${name} stay`);
    }
  } catch (error) {
    closeQueues(fds);
    throw error;
  }
  return fds;
}

/**
 * Lets the kernel choose each packet's queue as the table's hash says. A user who may load no program
 * keeps the kernel's own choice, by a hash of the whole flow: workers meet in buckets more often then.
 */
export function steerQueues(fd: number, filter: Uint8Array): void {
  const program = loadFilter(filter);
  const argument = libc.bytesOfItsOwn(4);
  new DataView(argument.buffer).setInt32(0, program ?? NO_PROGRAM, true);
  // a device that stayed may have its last run's program
  const done = libc.ioctlBuffer(fd, TUNSETSTEERINGEBPF, argument) >= 0;
  if (program === undefined) return;
  if (!done) refuse('cannot steer packets to the queues of a TUN');
  libc.close(program); // the device has it
}

function loadFilter(filter: Uint8Array): number | undefined {
  try {
    return loadProgram(SOCKET_FILTER, filter);
  } catch {
    return undefined;
  }
}

/**
 * Opens a TAP: its file descriptor reads and writes bare Ethernet frames, with full checksums and no
 * longer than its MTU allows. The device lives as long as the descriptor, whatever namespace it is in.
 */
export function openTap(name: string): number {
  return openDevice(name, IFF_TAP | IFF_NO_PI);
}

export function closeQueues(fds: number[]): void {
  for (const fd of fds) libc.close(fd);
}

const BATCH_LIMIT = 64; // operations in one system call
const BATCH_WORTH = 4; // fewer are cheaper one by one
const FRAME_LIMIT = SLOT_PACKET_LIMIT + VNET_SIZE;

/** One queue of a TUN, read and written straight into the shared memory. For one thread. */
export class TunDevice implements Device {
  readonly #fd: number;
  readonly #readiness: Readiness;
  readonly #base: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #batch: IoBatch | undefined;
  /** the last receive() filled all slots: as many packets probably wait again */
  #isFlooded = false;
  /** reads that failed for another reason than an empty queue */
  receiveErrors = 0;

  constructor(memory: WebAssembly.Memory, fd: number, wakeFd: number) {
    this.#fd = fd;
    this.#readiness = new Readiness([fd], wakeFd);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#base = libc.addressOf(this.#bytes);
    this.#words = new Uint32Array(memory.buffer);
    this.#batch = IoBatch.open(fd, BATCH_LIMIT);
  }

  receive(slot: number, count: number): number {
    const filled =
      this.#isFlooded && this.#batch
        ? this.#receiveBatch(this.#batch, slot, Math.min(count, BATCH_LIMIT))
        : this.#receiveEach(slot, count);
    this.#isFlooded = filled >= BATCH_WORTH && filled === Math.min(count, BATCH_LIMIT);
    return filled;
  }

  #receiveEach(slot: number, count: number): number {
    let filled = 0;
    let at = slot;
    while (filled < count) {
      const length = libc.read(this.#fd, this.#base + at + SLOT_VNET, FRAME_LIMIT);
      if (length < 0) {
        if (libc.errno() !== libc.EAGAIN) this.receiveErrors += 1;
        break;
      }
      if (length < VNET_SIZE) continue;
      this.#words[(at + SLOT_LENGTH) >>> 2] = length - VNET_SIZE;
      at += SLOT_SIZE;
      filled += 1;
    }
    return filled;
  }

  #receiveBatch(batch: IoBatch, slot: number, count: number): number {
    for (let index = 0; index < count; index += 1) {
      batch.add(READ, this.#base + slot + index * SLOT_SIZE + SLOT_VNET, FRAME_LIMIT);
    }
    batch.submit();
    let filled = 0;
    for (let index = 0; index < count; index += 1) {
      const length = batch.results[index] ?? 0;
      if (length < 0 && length !== -libc.EAGAIN) this.receiveErrors += 1;
      if (length < VNET_SIZE) continue;
      const at = slot + filled * SLOT_SIZE;
      if (filled < index) this.#move(slot + index * SLOT_SIZE + SLOT_VNET, length, at + SLOT_VNET);
      this.#words[(at + SLOT_LENGTH) >>> 2] = length - VNET_SIZE;
      filled += 1;
    }
    return filled;
  }

  /** A read found the queue empty and a later one did not: the slots must be filled without a gap. */
  #move(from: number, length: number, to: number): void {
    this.#bytes.copyWithin(to, from, from + length);
  }

  transmit(slot: number): boolean {
    const length = this.#frameLength(slot);
    return libc.write(this.#fd, this.#base + slot + SLOT_VNET, length) === length;
  }

  transmitBatch(slots: Uint32Array, count: number, lost: (slot: number) => void): void {
    for (let first = 0; first < count; first += BATCH_LIMIT) {
      const end = Math.min(count, first + BATCH_LIMIT);
      if (this.#batch && end - first >= BATCH_WORTH) {
        this.#transmitAll(this.#batch, slots, first, end, lost);
        continue;
      }
      for (let index = first; index < end; index += 1) {
        const slot = slots[index] ?? 0;
        if (!this.transmit(slot)) lost(slot);
      }
    }
  }

  #transmitAll(
    batch: IoBatch,
    slots: Uint32Array,
    first: number,
    end: number,
    lost: (slot: number) => void,
  ): void {
    for (let index = first; index < end; index += 1) {
      const slot = slots[index] ?? 0;
      batch.add(WRITE, this.#base + slot + SLOT_VNET, this.#frameLength(slot));
    }
    batch.submit();
    for (let index = first; index < end; index += 1) {
      const slot = slots[index] ?? 0;
      if (batch.results[index - first] !== this.#frameLength(slot)) lost(slot);
    }
  }

  #frameLength(slot: number): number {
    return (this.#words[(slot + SLOT_LENGTH) >>> 2] ?? 0) + VNET_SIZE;
  }

  wait(timeoutMs: number): void {
    this.#readiness.wait(timeoutMs);
  }
}
