import { WORKER_SCRATCH, WORKER_SIZE } from '../../assembly/layout.ts';
import { workerAddress } from './rings.ts';

// Tests tell a worker how to die by a word in its scratch space: its thread takes no messages while it
// forwards.

export const COMMAND_NONE = 0;
export const COMMAND_THROW = 1;
export const COMMAND_EXIT = 2;
/** It makes no pass any more, for ever. */
export const COMMAND_SPIN = 3;

/** Index (Int32Array) of a worker's debug command: the last word of its scratch space. */
export function commandWord(memory: WebAssembly.Memory, worker: number): number {
  const lastOfScratch = WORKER_SCRATCH + (WORKER_SIZE - WORKER_SCRATCH) - 4;
  return (workerAddress(new DataView(memory.buffer), worker) + lastOfScratch) >>> 2;
}
