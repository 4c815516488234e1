// Plays the vectors in Node and in Bun, threads as worker threads. Prints what came of it as JSON.
// node conformance-node.mjs CORE VECTORS [single]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Player, playAll, playTimes, type Played } from '../play.ts';
import { bind, Machines, type ThreadTask } from './machine.ts';

function runThread(task: ThreadTask): Promise<Played> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
    worker.once('message', (played: Played) => {
      resolve(played);
      void worker.terminate();
    });
    worker.once('error', reject);
  });
}

if (isMainThread) {
  const [core = '', vectors = '', build] = process.argv.slice(2);
  const isShared = build !== 'single';
  const machines = new Machines(await WebAssembly.compile(readFileSync(core)), isShared);
  const played = await playAll(readFileSync(vectors, 'utf8'), {
    machine: (pages) => machines.fresh(pages),
    ...(isShared && {
      runThread: (steps: string[], times: number) =>
        runThread({ module: machines.module, memory: machines.memory!, steps, times }),
    }),
  });
  const version = process.versions['bun'] ?? process.versions.node;
  console.log(JSON.stringify({ ...played, version }));
} else {
  const { module, memory, steps, times } = workerData as ThreadTask;
  parentPort!.postMessage(playTimes(new Player(bind(module, memory)), steps, times));
}
