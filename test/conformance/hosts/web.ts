// Plays the vectors where there are web workers and fetch: in browsers and in Deno. What came of it goes to
// the page's server, or to the standard output as JSON.
import { Player, playAll, playTimes, type Played } from '../play.ts';
import { bind, Machines, type ThreadTask } from './machine.ts';

/** Of a web worker and of Deno; neither is in Node's types. */
interface Scope {
  document?: unknown;
  Deno?: { version: { deno: string } };
  postMessage(played: Played): void;
  addEventListener(type: 'message', listener: (event: { data: ThreadTask }) => void): void;
  WorkerGlobalScope?: unknown;
}

interface WebWorker {
  addEventListener(type: 'message', listener: (event: { data: Played }) => void): void;
  addEventListener(type: 'error', listener: (event: { message: string }) => void): void;
  postMessage(task: ThreadTask): void;
  terminate(): void;
}

declare const Worker: new (url: URL, options: { type: 'module' }) => WebWorker;

const scope = globalThis as unknown as Scope;

function runThread(task: ThreadTask): Promise<Played> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }) => {
      resolve(data);
      worker.terminate();
    });
    worker.addEventListener('error', ({ message }) => reject(new Error(message)));
    worker.postMessage(task);
  });
}

async function load(name: string): Promise<Response> {
  return fetch(new URL(name, import.meta.url));
}

async function playHere(): Promise<string> {
  const bytes = await (await load('./core.wasm')).arrayBuffer();
  const machines = new Machines(await WebAssembly.compile(bytes), true);
  const vectors = await (await load('../test/golden/vectors.txt')).text();
  const played = await playAll(vectors, {
    machine: (pages) => machines.fresh(pages),
    runThread: (steps, times) =>
      runThread({ module: machines.module, memory: machines.memory!, steps, times }),
  });
  const version = scope.Deno?.version.deno ?? navigator.userAgent;
  return JSON.stringify({ ...played, version });
}

const isWorker = scope.WorkerGlobalScope !== undefined && scope.document === undefined;
if (isWorker) {
  scope.addEventListener('message', ({ data: { module, memory, steps, times } }) => {
    scope.postMessage(playTimes(new Player(bind(module, memory)), steps, times));
  });
} else {
  const text = await playHere().catch((error: unknown) => JSON.stringify({ error: String(error) }));
  if (scope.document === undefined) console.log(text);
  else await fetch('/result', { method: 'POST', body: text });
}
