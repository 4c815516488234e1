// The core on a fresh memory, by the WebAssembly API that all JavaScript runtimes have.
import type { Machine } from '../play.ts';

/** What a thread gets: structured cloning keeps module and shared memory what they are. */
export interface ThreadTask {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  steps: string[];
  times: number;
}

export function bind(module: WebAssembly.Module, memory: WebAssembly.Memory): Machine {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { bytes: new Uint8Array(memory.buffer), exports };
}

/** Makes machines of one module; `memory` is the newest one's. */
export class Machines {
  readonly module: WebAssembly.Module;
  readonly #isShared: boolean;
  memory: WebAssembly.Memory | undefined;

  constructor(module: WebAssembly.Module, isShared: boolean) {
    this.module = module;
    this.#isShared = isShared;
  }

  fresh(pages: number): Machine {
    this.memory = new WebAssembly.Memory({
      initial: pages,
      maximum: pages,
      ...(this.#isShared && { shared: true }),
    });
    return bind(this.module, this.memory);
  }
}
