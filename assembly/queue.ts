// A worker's ring to control: one writer, one reader, whole records only (layout.ts, RING_*).
import {
  HEADER_QUEUE_ORDER,
  QUEUE_SKIP,
  RING_ENTRY,
  RING_ID_COUNTER,
  RING_ID_RUN,
  RING_KIND,
  RING_LENGTH,
  RING_OPTIONS,
  RING_ORDER,
  RING_PACKET,
  RING_PACKET_LENGTH,
  RING_VNET,
  RING_WORKER,
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_VNET,
  VNET_SIZE,
  WORKER_TO_CONTROL_BASE,
  WORKER_TO_CONTROL_HEAD,
  WORKER_TO_CONTROL_SIZE,
  WORKER_TO_CONTROL_TAIL,
} from './layout';
import { Atomic } from './lookup/atomic';
import { Workers } from './workers';

const RECORD_STEP: u32 = 8;

export class Queue {
  /**
   * Copies the packet of a slot (none when `slot` is 0) into the ring. False when the ring is full.
   * `id` is the address of the entry's handoff id, two words.
   */
  static push(worker: usize, kind: u32, entry: u32, id: usize, options: u32, slot: usize): bool {
    const length = slot == 0 ? 0 : load<u32>(slot, SLOT_LENGTH);
    const record = Queue.reserve(worker, (RING_PACKET + length + RECORD_STEP - 1) & -RECORD_STEP);
    if (record == 0) return false;
    store<u32>(record, kind, RING_KIND);
    store<u32>(record, entry, RING_ENTRY);
    store<u32>(record, Workers.index(worker), RING_WORKER);
    store<u32>(record, load<u32>(id), RING_ID_RUN);
    store<u32>(record, load<u32>(id + sizeof<u32>()), RING_ID_COUNTER);
    store<u32>(record, length, RING_PACKET_LENGTH);
    store<u32>(record, options, RING_OPTIONS);
    store<u32>(record, Atomic.add(HEADER_QUEUE_ORDER, 1), RING_ORDER);
    if (slot != 0) memory.copy(record + RING_VNET, slot + SLOT_VNET, VNET_SIZE + length);
    else memory.fill(record + RING_VNET, 0, VNET_SIZE);
    Queue.publish(worker, load<u32>(record, RING_LENGTH));
    return true;
  }

  /** Address of `length` bytes with RING_LENGTH set, 0 when there is no room. */
  @inline
  private static reserve(worker: usize, length: u32): usize {
    const base = <usize>load<u32>(worker, WORKER_TO_CONTROL_BASE);
    const size = load<u32>(worker, WORKER_TO_CONTROL_SIZE);
    const tail = load<u32>(worker, WORKER_TO_CONTROL_TAIL);
    const free = size - (tail - Atomic.load(worker + WORKER_TO_CONTROL_HEAD));
    let position = tail & (size - 1);
    const toEnd = size - position;
    const skips = length > toEnd;
    if ((skips ? toEnd + length : length) > free) return 0;
    if (skips) {
      store<u32>(base + position, toEnd, RING_LENGTH);
      store<u32>(base + position, QUEUE_SKIP, RING_KIND);
      Queue.publish(worker, toEnd);
      position = 0;
    }
    store<u32>(base + position, length, RING_LENGTH);
    return base + position;
  }

  @inline
  private static publish(worker: usize, length: u32): void {
    const tail = load<u32>(worker, WORKER_TO_CONTROL_TAIL) + length;
    Atomic.store(worker + WORKER_TO_CONTROL_TAIL, tail);
  }
}

// vnet header and packet are adjacent in slots and in rings: one copy moves both
if (SLOT_PACKET != SLOT_VNET + VNET_SIZE) ERROR('layout: slot');
if (RING_PACKET != RING_VNET + VNET_SIZE) ERROR('layout: ring');
