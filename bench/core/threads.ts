// Threads beside the comparisons' own: workers that forward their slots, and a writer that makes and ends
// connections. bench/core.ts is the program of all of them.
import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';
import * as L from '../../assembly/layout.ts';
import { compileCore, instantiateCore } from '../../src/core.ts';
import { writeEntry, type Load } from './load.ts';
import { measurePasses } from './pass.ts';

export interface ThreadTask {
  kind: 'forward' | 'churn';
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  worker: number;
  packets: number;
  fresh: Uint8Array;
  /** of all threads of a comparison: CONTROL_* */
  control: Int32Array;
}

const CONTROL_READY = 0; // threads that wait for the others of a round
const CONTROL_WANTED = 1; // so many are in the round
const CONTROL_CHURNING = 2; // 1: the writer is to write
const CONTROL_CHURNED = 3; // connections made so far
const CONTROL_WORDS = 4;

const PER_MS = 10; // 10,000 connections a second
const KEPT = 500; // each is ended when so many younger ones are there

/** Threads over one load. */
export class Threads {
  readonly #load: Load;
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  readonly #workers: Worker[] = [];
  readonly #shared: Uint8Array;

  constructor(load: Load) {
    this.#load = load;
    this.#shared = new Uint8Array(new SharedArrayBuffer(load.fresh.length));
    this.#shared.set(load.fresh);
  }

  /** A thread with that worker's slots and place. */
  async start(kind: ThreadTask['kind'], worker: number): Promise<void> {
    const workerData: ThreadTask = {
      kind,
      module: await compileCore(),
      memory: this.#load.core.memory,
      worker,
      packets: this.#load.packets,
      fresh: this.#shared,
      control: this.#control,
    };
    const thread = new Worker(new URL(import.meta.url), { workerData });
    await once(thread, 'message');
    this.#workers.push(thread);
  }

  /** The first `count` threads forward at the same time: nanoseconds per packet of all together. */
  async forward(count: number): Promise<number> {
    this.#control[CONTROL_READY] = 0;
    this.#control[CONTROL_WANTED] = count;
    const threads = this.#workers.slice(0, count);
    const answers = threads.map((thread) => once(thread, 'message') as Promise<[number]>);
    for (const thread of threads) thread.postMessage('round');
    const rates = (await Promise.all(answers)).map(([ns]) => 1 / ns);
    return 1 / rates.reduce((sum, rate) => sum + rate, 0);
  }

  /** Makes and ends 10,000 connections a second, or rests. */
  churn(isOn: boolean): void {
    Atomics.store(this.#control, CONTROL_CHURNING, isOn ? 1 : 0);
    Atomics.notify(this.#control, CONTROL_CHURNING);
  }

  /** Connections that were made meanwhile. */
  get churned(): number {
    return Atomics.load(this.#control, CONTROL_CHURNED);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((thread) => thread.terminate()));
  }
}

/** What a thread does. */
export function runThread(task: ThreadTask): void {
  if (task.kind === 'churn') churnForever(task);
  const core = instantiateCore(task.module, task.memory);
  const record = core.view.getUint32(L.HEADER_WORKER_BASE, true) + task.worker * L.WORKER_SIZE;
  const base = core.view.getUint32(record + L.WORKER_SLOT_BASE, true);
  parentPort!.on('message', () => {
    Atomics.add(task.control, CONTROL_READY, 1);
    const wanted = Atomics.load(task.control, CONTROL_WANTED);
    while (Atomics.load(task.control, CONTROL_READY) < wanted);
    parentPort!.postMessage(measurePasses({ ...task, core, base }, task.worker));
  });
  parentPort!.postMessage('ready');
}

function churnForever({ module, memory, worker, control }: ThreadTask): never {
  const core = instantiateCore(module, memory);
  const owner = core.nextOwner();
  const record = core.view.getUint32(L.HEADER_WORKER_BASE, true) + worker * L.WORKER_SIZE;
  const template = record + L.WORKER_SCRATCH;
  const alive: number[] = [];
  parentPort!.postMessage('ready');
  for (let made = 0; ;) {
    Atomics.wait(control, CONTROL_CHURNING, 0);
    const begin = performance.now();
    const madeBefore = made;
    while (Atomics.load(control, CONTROL_CHURNING) === 1) {
      const due = madeBefore + (performance.now() - begin) * PER_MS;
      for (; made < due; made += 1) {
        writeEntry(core, template, 4, { address: 0x0a000000 + made, port: 1 + (made % 1000) });
        const entry = core.insert(owner, template);
        if (entry < L.NO_ENTRY - 1) alive.push(entry);
        if (alive.length > KEPT) core.remove(owner, alive.shift()!, 0, 0);
      }
      Atomics.store(control, CONTROL_CHURNED, made);
      Atomics.wait(control, CONTROL_CHURNING, 1, 1);
    }
  }
}
