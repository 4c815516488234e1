// AF_XDP sockets (linux/if_xdp.h, the kernel's Documentation/networking/af_xdp.rst), their rings mapped into
// the shared memory.
import * as libc from '../libc.ts';
import { mapOver } from '../mapping.ts';
import { FRAME_SIZE, SHIFT, ringBytes, type PortPlace, type RingPlace } from './place.ts';

const AF_XDP = 44;
const SOCK_RAW = 3;
const SOL_XDP = 283;
const MMAP_OFFSETS = 1;
const RECEIVE_RING = 2;
const TRANSMIT_RING = 3;
const UMEM_REGISTER = 4;
const FILL_RING = 5;
const COMPLETION_RING = 6;
const MAX_BATCH = 9; // XDP_MAX_TX_SKB_BUDGET: packets that one system call sends
const BATCH = 256;

const SHARED_UMEM = 1;
const COPY = 2;
const ZERO_COPY = 4;
const NEED_WAKEUP = 8;
const ADDRESS_SIZE = 16;

const MENDS: Record<string, string> = {
  EPERM: 'CAP_NET_RAW is missing: run as root, or give the container --cap-add NET_RAW',
  EAFNOSUPPORT: 'the kernel has no AF_XDP: it needs CONFIG_XDP_SOCKETS',
  ENOBUFS: 'too little memory may be locked: ulimit -l unlimited, or give CAP_IPC_LOCK',
  EBUSY: 'another process has a socket on that queue of the device: stop that one',
};

function failure(what: string): Error {
  return new Error(libc.refusal(what, MENDS));
}

/** Of one kind of ring, from its address on; the same for all sockets. */
export interface RingOffsets {
  producer: number;
  consumer: number;
  entries: number;
  flags: number;
}

/** By kind, as the kernel counts them. */
export interface Offsets {
  receive: RingOffsets;
  transmit: RingOffsets;
  fill: RingOffsets;
  completion: RingOffsets;
}

const KINDS = {
  receive: { option: RECEIVE_RING, page: 0, size: 16 },
  transmit: { option: TRANSMIT_RING, page: 0x80000000, size: 16 },
  fill: { option: FILL_RING, page: 0x100000000, size: 8 },
  completion: { option: COMPLETION_RING, page: 0x180000000, size: 8 },
} as const;
type Kind = keyof typeof KINDS;

export function openSocket(): number {
  const fd = libc.socket(AF_XDP, SOCK_RAW | libc.O_CLOEXEC, 0);
  if (fd < 0) throw failure('cannot open an AF_XDP socket');
  const batch = libc.bytesOfItsOwn(4);
  new DataView(batch.buffer).setUint32(0, BATCH, true);
  libc.setsockopt(fd, SOL_XDP, MAX_BATCH, batch, 4); // older kernels: 32, and more calls
  return fd;
}

/** Makes a device's frames known to its first socket. `start`: address of the memory. */
export function registerFrames(fd: number, start: number, place: PortPlace): void {
  const bytes = libc.bytesOfItsOwn(32);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(start + place.frames), true);
  view.setBigUint64(8, BigInt(place.frameCount * FRAME_SIZE), true);
  view.setUint32(16, FRAME_SIZE, true);
  view.setUint32(20, SHIFT, true);
  if (libc.setsockopt(fd, SOL_XDP, UMEM_REGISTER, bytes, bytes.length) === 0) return;
  throw failure('cannot register frames for AF_XDP');
}

export function ringOffsets(fd: number): Offsets {
  const bytes = libc.bytesOfItsOwn(128);
  const length = libc.bytesOfItsOwn(4);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  if (libc.getsockopt(fd, SOL_XDP, MMAP_OFFSETS, bytes, length) !== 0) {
    throw failure('cannot ask for the rings of AF_XDP');
  }
  const view = new DataView(bytes.buffer);
  const kind = (index: number): RingOffsets => {
    const word = (field: number): number => view.getUint32(index * 32 + field * 8, true);
    return { producer: word(0), consumer: word(1), entries: word(2), flags: word(3) };
  };
  return { receive: kind(0), transmit: kind(1), fill: kind(2), completion: kind(3) };
}

/** Gives a socket a ring and maps it into the memory, at its place. */
export function addRing(fd: number, start: number, kind: Kind, ring: RingPlace): void {
  const { option, page, size } = KINDS[kind];
  const entries = libc.bytesOfItsOwn(4);
  new DataView(entries.buffer).setUint32(0, ring.entries, true);
  if (libc.setsockopt(fd, SOL_XDP, option, entries, 4) !== 0) {
    throw failure(`cannot make the ${kind} ring of AF_XDP`);
  }
  const bytes = ringBytes(ring, size, ringOffsets(fd)[kind].entries);
  const why = mapOver(start + ring.at, bytes, { fd, offset: page, isPopulated: true });
  if (why !== undefined) throw new Error(`cannot map the ${kind} ring of AF_XDP: ${why}`);
}

function bind(fd: number, flags: number, index: number, queue: number, shared: number): boolean {
  const address = libc.bytesOfItsOwn(ADDRESS_SIZE);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_XDP, true);
  view.setUint16(2, flags, true);
  view.setUint32(4, index, true);
  view.setUint32(8, queue, true);
  view.setUint32(12, shared, true);
  return libc.bind(fd, address, ADDRESS_SIZE) === 0;
}

/** The socket that has the frames: without copies where the driver can do that. */
export function bindFirst(fd: number, index: number, queue: number): void {
  if (bind(fd, NEED_WAKEUP | ZERO_COPY, index, queue, 0)) return;
  if (bind(fd, NEED_WAKEUP | COPY, index, queue, 0)) return;
  throw failure('cannot bind an AF_XDP socket');
}

/** Another one with the same frames, on the same queue or one with rings of its own. */
export function bindNext(fd: number, index: number, queue: number, first: number): void {
  if (!bind(fd, SHARED_UMEM, index, queue, first)) throw failure('cannot bind an AF_XDP socket');
}
