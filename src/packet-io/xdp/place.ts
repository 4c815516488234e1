// Where one device's rings and frames lie in the shared memory:
//   lock, and the transmit frames that nobody has
//   a page for each worker: frames on their way between the rings
//   the rings, mapped from the kernel
//   the frames, which the kernel fills and sends (its "UMEM")

const PAGE = 4096;
/** one kernel page: no frame lies in two */
export const FRAME_SIZE = PAGE;
/** makes the IP header begin at a multiple of 16, behind 14 bytes of MAC header */
export const SHIFT = 2;
const KERNEL_HEADROOM = 256;
/** bytes of a received frame that one place has room for */
export const FRAME_ROOM = FRAME_SIZE - KERNEL_HEADROOM - SHIFT;
export const RECEIVE_FRAMES = 2048; // of each receive queue: 20 ms of 100,000/s
export const TRANSMIT_FRAMES = 512; // for each worker

const RECEIVE_ENTRIES = RECEIVE_FRAMES;
const TRANSMIT_ENTRIES = TRANSMIT_FRAMES;
const COMPLETION_ENTRIES = 2048;
const DESCRIPTOR = 16; // receive and transmit: address u64, length u32, options u32
const ADDRESS = 8; // fill and completion

// the shared part
export const LOCK = 0; // u32: 0, or worker + 1
export const FREE_COUNT = 64; // u32
export const FREE_LIST = 128; // u32 each: transmit frames, from the start of the frames on
// a worker's page
export const PENDING_COUNT = 0; // u32
export const OWN_COUNT = 64; // u32
export const PENDING_LIST = 128; // u32 each: frames to give back, with the receive queue in the lowest bits
export const PENDING_LIMIT = 256;
export const OWN_LIST = 2048; // u32 each: transmit frames
export const OWN_LIMIT = 128;

/** A ring's address and its number of entries. */
export interface RingPlace {
  at: number;
  entries: number;
}

/** A worker's part of a receive queue. */
export interface QueuePlace {
  fill: RingPlace;
  completion: RingPlace;
  receive: RingPlace;
}

export interface WorkerPlace {
  page: number;
  queues: QueuePlace[];
  transmit: RingPlace;
}

export interface PortPlace {
  base: number;
  byteLength: number;
  /** the part that the kernel's rings are mapped into */
  rings: number;
  ringBytes: number;
  frames: number;
  frameCount: number;
  workers: WorkerPlace[];
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

/** Bytes to map for a ring; its entries begin within its first page, and far from that page's end. */
export function ringBytes({ entries }: RingPlace, size: number, before = PAGE / 2): number {
  return wholePages(before + entries * size);
}

/** Lays a device with so many receive queues out from `base` on, a multiple of 4096. */
export function portPlace(base: number, workers: number, queues: number): PortPlace {
  let end = base;
  const take = (bytes: number): number => {
    const at = end;
    end += wholePages(bytes);
    return at;
  };
  const ring = (entries: number, size: number): RingPlace => {
    const place = { at: 0, entries };
    return { ...place, at: take(ringBytes(place, size)) };
  };
  const each = <Place>(count: number, make: (index: number) => Place): Place[] =>
    Array.from({ length: count }, (_, index) => make(index));
  take(FREE_LIST + workers * TRANSMIT_FRAMES * 4);
  const pages = each(workers, () => take(PAGE));
  const rings = end;
  const shared = each(queues, () => ({
    fill: ring(RECEIVE_FRAMES, ADDRESS),
    completion: ring(COMPLETION_ENTRIES, ADDRESS),
  }));
  const own = pages.map((page) => ({
    page,
    queues: shared.map((both) => ({ ...both, receive: ring(RECEIVE_ENTRIES, DESCRIPTOR) })),
    transmit: ring(TRANSMIT_ENTRIES, DESCRIPTOR),
  }));
  const ringsEnd = end;
  const frameCount = queues * RECEIVE_FRAMES + workers * TRANSMIT_FRAMES;
  const frames = take(frameCount * FRAME_SIZE);
  return {
    base,
    byteLength: end - base,
    rings,
    ringBytes: ringsEnd - rings,
    frames,
    frameCount,
    workers: own,
  };
}
