import { HEADER_DOORBELL } from '../../assembly/layout.ts';

/** Tells the main thread that a worker queued something, without a timer and without blocking. */
export class Doorbell {
  readonly #words: Int32Array;
  readonly #word = HEADER_DOORBELL >>> 2;

  constructor(memory: WebAssembly.Memory) {
    this.#words = new Int32Array(memory.buffer);
  }

  /** How often it rang. Read it before the rings: what is queued after that ends wait(rings) at once. */
  rings(): number {
    return Atomics.load(this.#words, this.#word);
  }

  /**
   * Comes back when the bell rang after `seen` was read. A wait cannot be cancelled: ring() ends it. It
   * does not keep the process alive.
   */
  async wait(seen: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.#words, this.#word, seen);
    // "not-equal" at once: let sockets and timers have their turn before the rings are read again
    if (waiting.async) await waiting.value;
    else await new Promise((resolve) => setImmediate(resolve));
  }

  /** Rings from any thread. */
  ring(): void {
    Atomics.add(this.#words, this.#word, 1);
    Atomics.notify(this.#words, this.#word);
  }
}
