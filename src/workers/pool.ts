import { setTimeout as delay } from 'node:timers/promises';
import { Piscina } from 'piscina';
import {
  HEADER_STOP,
  WORKER_HEARTBEAT,
  WORKER_OWNER,
  WORKER_SLEEPING,
  WORKER_THREAD,
} from '../../assembly/layout.ts';
import { workerEntry } from '../beside.ts';
import type { Waker } from '../packet-io/device.ts';
import type { PortQueue } from '../packet-io/xdp/open.ts';
import { commandWord } from './debug-command.ts';
import { Pulse } from './pulse.ts';
import { workerAddress } from './rings.ts';
import type { WorkerTask } from './worker.ts';

/** What the supervisor needs of the core, as the control thread's instance has it. */
export interface OwnerCore {
  nextOwner(): number;
  releaseOwner(owner: number, dead: number): number;
}

/** A worker's thread that ended although nobody stopped it, and what that cost. */
export interface Replacement {
  worker: number;
  deadOwner: number;
  newOwner: number;
  /** connections in buckets that it had locked */
  lostConnections: number;
  reason: string;
}

export interface PoolOptions {
  memory: WebAssembly.Memory;
  module: WebAssembly.Module;
  core: OwnerCore;
  /** owner id of the control thread */
  controlOwner: number;
  /** queue of the device and wake-up, by worker; they stay open when a thread dies */
  fds: number[];
  /** by worker: where the queue's rings are; none when omitted */
  rings?: number[];
  /** by worker: its sockets, with the engine `xdp` */
  ports?: PortQueue[] | undefined;
  wakers: (Waker & { fd: number })[];
  onReplaced: (replacement: Replacement) => void;
  /** workers obey debug commands (tests only) */
  debug?: boolean;
  /** file that threads run; the built worker.mjs beside this one when omitted */
  filename?: string;
}

const READY_LIMIT_MS = 15_000; // threads of a busy host load slowly
const STOP_LIMIT_MS = 2000;
const SHORT_LIFE_MS = 1000;
const DELAY_LIMIT_MS = 1000;
const PULSE_INTERVAL_MS = 500;

/** One thread with one endless task per worker; a thread that dies is replaced. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #piscina: Piscina;
  readonly #lives: Promise<void>[];
  readonly #stopping = new AbortController();
  readonly #pulses: Pulse[];
  readonly #pulseTimer: NodeJS.Timeout;
  /** why a thread was terminated, by worker */
  readonly #verdicts = new Map<number, string>();
  #lastReason = '';
  /** threads replaced since the start */
  replaced = 0;

  /** Starts the threads at once; ready() tells when they forward. */
  constructor(options: PoolOptions) {
    this.#options = options;
    this.#view = new DataView(options.memory.buffer);
    this.#words = new Int32Array(options.memory.buffer);
    const threads = options.fds.length;
    this.#piscina = new Piscina({
      filename: options.filename ?? workerEntry(),
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      trackUnmanagedFds: false,
      recordTiming: false,
    });
    // a thread that fails without a task (while it loads): its task then fails to start, or ready() does
    this.#piscina.on('error', (error: Error) => (this.#lastReason = error.message));
    this.#lives = options.fds.map((_, worker) => this.#live(worker));
    this.#pulses = options.fds.map(() => new Pulse());
    this.#pulseTimer = setInterval(() => this.#feelPulses(), PULSE_INTERVAL_MS).unref();
  }

  get threads(): number {
    return this.#lives.length;
  }

  /** Comes back when every worker has made a pass; throws with the reason when one does not. */
  async ready(): Promise<void> {
    const deadline = performance.now() + READY_LIMIT_MS;
    const silent = (): number => this.#lives.findIndex((_, worker) => this.heartbeat(worker) === 0);
    while (silent() >= 0) {
      if (performance.now() > deadline || this.#lastReason) {
        const why = this.#lastReason || `no sign of life within ${READY_LIMIT_MS} ms`;
        throw new Error(`worker ${silent()} does not start: ${why}`);
      }
      await delay(2);
    }
  }

  /** Passes that a worker has made (mod 2^32). */
  heartbeat(worker: number): number {
    return this.#u32(worker, WORKER_HEARTBEAT);
  }

  /** Owner id of a worker's present thread. */
  owner(worker: number): number {
    return this.#u32(worker, WORKER_OWNER);
  }

  /** Tells a worker's thread to die (COMMAND_*); only a pool made with `debug` has such threads. */
  command(worker: number, command: number): void {
    Atomics.store(this.#words, commandWord(this.#options.memory, worker), command);
    this.#options.wakers[worker]?.wake();
  }

  /**
   * Ends a worker's thread from outside, whatever it does; it is replaced. A thread inside a call of the
   * kernel that does not come back cannot be ended.
   */
  terminate(worker: number, reason: string): void {
    const id = this.#u32(worker, WORKER_THREAD);
    const thread = this.#piscina.threads.find(({ threadId }) => threadId === id);
    if (!thread) return;
    this.#verdicts.set(worker, reason);
    void thread.terminate();
  }

  /** Every worker ends its pass and its thread; the queues stay open. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#pulseTimer);
    Atomics.store(this.#words, HEADER_STOP >>> 2, 1);
    for (const waker of this.#options.wakers) waker.wake();
    await Promise.race([Promise.all(this.#lives), delay(STOP_LIMIT_MS, undefined, { ref: false })]);
    await this.#piscina.destroy();
  }

  /** One worker's threads, one after the other, until the stop. */
  async #live(worker: number): Promise<void> {
    if (this.owner(worker) === 0) this.#setOwner(worker, this.#freshOwner());
    for (let early = 0; !this.#stopping.signal.aborted;) {
      const started = performance.now();
      const reason = await this.#runThread(worker);
      if (this.#stopping.signal.aborted) return;
      early = performance.now() - started < SHORT_LIFE_MS ? early + 1 : 0;
      this.#replace(worker, reason);
      if (early > 1) await this.#pause(Math.min(DELAY_LIMIT_MS, 25 * 2 ** Math.min(early, 10)));
    }
  }

  #feelPulses(): void {
    for (const [worker, pulse] of this.#pulses.entries()) {
      // a thread that loads, or sleeps in its device, makes no passes and is well
      const isPassing = this.#u32(worker, WORKER_THREAD) !== 0;
      const isAwake = this.#u32(worker, WORKER_SLEEPING) === 0;
      if (pulse.hasStopped(this.heartbeat(worker), isPassing && isAwake)) {
        this.terminate(worker, 'it hung: its heartbeat stood still');
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  async #runThread(worker: number): Promise<string> {
    const { memory, module, fds, rings = [], ports, wakers, debug = false } = this.#options;
    const [fd = -1, ring = 0, wakeFd = -1] = [fds[worker], rings[worker], wakers[worker]?.fd];
    const port = ports?.[worker];
    const task: WorkerTask = { worker, memory, module, fd, ring, port, wakeFd, debug };
    try {
      await this.#piscina.run(task);
      return 'it ended by itself';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #replace(worker: number, reason: string): void {
    const { core, controlOwner, onReplaced } = this.#options;
    const deadOwner = this.owner(worker);
    const why = this.#verdicts.get(worker) ?? reason;
    this.#verdicts.delete(worker);
    const lostConnections = core.releaseOwner(controlOwner, deadOwner) >>> 0;
    const newOwner = this.#freshOwner();
    this.#setOwner(worker, newOwner);
    this.replaced += 1;
    this.#lastReason = why;
    onReplaced({ worker, deadOwner, newOwner, lostConnections, reason: why });
  }

  /** Ids come round after 255 of them: one that somebody has is passed over. */
  #freshOwner(): number {
    const { core, controlOwner, fds } = this.#options;
    for (;;) {
      const owner = core.nextOwner() >>> 0;
      if (owner !== controlOwner && !fds.some((_, worker) => this.owner(worker) === owner)) {
        return owner;
      }
    }
  }

  #setOwner(worker: number, owner: number): void {
    const record = workerAddress(this.#view, worker);
    this.#view.setUint32(record + WORKER_OWNER, owner, true);
    Atomics.store(this.#words, (record + WORKER_SLEEPING) >>> 2, 0);
    Atomics.store(this.#words, (record + WORKER_THREAD) >>> 2, 0);
  }

  #u32(worker: number, field: number): number {
    return this.#view.getUint32(workerAddress(this.#view, worker) + field, true);
  }
}
