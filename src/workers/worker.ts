// What a worker thread runs: one task that forwards until it is told to stop. Built as an entry of its own.
import { threadId } from 'node:worker_threads';
import { WORKER_THREAD } from '../../assembly/layout.ts';
import { monotonicMs } from '../clock.ts';
import { instantiateCore } from '../core.ts';
import { queueDevice } from '../packet-io/engine.ts';
import type { PortQueue } from '../packet-io/xdp/open.ts';
import * as libc from '../packet-io/libc.ts';
import { Forwarding } from './forwarding.ts';
import { rest } from './pace.ts';
import { COMMAND_EXIT, COMMAND_NONE, COMMAND_SPIN, commandWord } from './debug-command.ts';
import { workerAddress } from './rings.ts';
import { nameWorkerThread } from './thread-name.ts';

/** What a thread needs to forward for one worker's queue. All of it outlives the thread. */
export interface WorkerTask {
  worker: number;
  memory: WebAssembly.Memory;
  module: WebAssembly.Module;
  /** the device's queue, and where its rings are in the memory (0 = it has none) */
  fd: number;
  ring: number;
  /** of the engine `xdp` */
  port?: PortQueue | undefined;
  /** eventfd that ends a sleep */
  wakeFd: number;
  /** obeys debug commands (tests only) */
  debug: boolean;
}

function obey(memory: WebAssembly.Memory, worker: number): () => void {
  const words = new Int32Array(memory.buffer);
  const word = commandWord(memory, worker);
  return () => {
    const command = Atomics.exchange(words, word, COMMAND_NONE);
    if (command === COMMAND_NONE) return;
    if (command === COMMAND_EXIT) process.exit(3);
    if (command === COMMAND_SPIN) for (;;) Atomics.load(words, word);
    throw new Error(`worker ${worker}: told to fail`);
  };
}

// the kernel may let a thread sleep longer by so much, to wake several at once: 50 us if it is not told
const PR_SET_TIMERSLACK = 29;
const SLACK_NS = 1000;

export default function forwardUntilStopped(task: WorkerTask): void {
  const { worker, memory, module, fd, ring, wakeFd } = task;
  const core = instantiateCore(module, memory);
  const device = queueDevice(memory, fd, ring, wakeFd, task.port);
  const parts = { core, memory, worker, device, nowMs: monotonicMs, rest };
  libc.prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
  nameWorkerThread();
  const forwarding = new Forwarding(parts);
  const record = workerAddress(new DataView(memory.buffer), worker);
  Atomics.store(new Int32Array(memory.buffer), (record + WORKER_THREAD) >>> 2, threadId);
  forwarding.run(task.debug ? obey(memory, worker) : undefined);
}
