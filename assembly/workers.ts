// A worker's record and how the fast path uses its scratch memory.
import {
  HEADER_WORKER_BASE,
  RECORD_ID_COUNTER,
  RECORD_ID_RUN,
  TEMPLATE_RECORD,
  TEMPLATE_SIZE,
  WORKER_SCRATCH,
  WORKER_SIZE,
} from './layout';

const COPY: usize = WORKER_SCRATCH + TEMPLATE_SIZE;

export class Workers {
  @inline
  static address(index: u32): usize {
    return <usize>(load<u32>(0, HEADER_WORKER_BASE) + index * WORKER_SIZE);
  }

  @inline
  static index(worker: usize): u32 {
    return (<u32>worker - load<u32>(0, HEADER_WORKER_BASE)) / WORKER_SIZE;
  }

  /** Template of the entry that the fast path makes (TEMPLATE_SIZE bytes). */
  @inline
  static template(worker: usize): usize {
    return worker + WORKER_SCRATCH;
  }

  /** Copy of the hot part of the packet's entry (ENTRY_SIZE bytes). */
  @inline
  static copy(worker: usize): usize {
    return worker + COPY;
  }

  /**
   * Handoff id of the packet's entry, two words as in a record: the template's, which is free then.
   */
  @inline
  static id(worker: usize): usize {
    return worker + WORKER_SCRATCH + TEMPLATE_RECORD + RECORD_ID_RUN;
  }
}

if (RECORD_ID_COUNTER != RECORD_ID_RUN + 4) ERROR('layout: handoff id');
