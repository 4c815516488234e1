// Starts again what died in the lab, as an init system does on a real host.
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostProcess } from './host-process.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;
/** A program that lived so long begins with the first wait again. */
const STABLE_MS = 3000;

export class Supervisor {
  readonly #stopping = new AbortController();
  readonly #notice: (text: string) => void;
  /** programs started again */
  restarts = 0;

  constructor(notice: (text: string) => void) {
    this.#notice = notice;
  }

  /** Calls `again`, which starts it, whenever the program has ended; until stop(). */
  watch(program: HostProcess, again: () => HostProcess): void {
    void this.#live(program, again);
  }

  async #live(first: HostProcess, again: () => HostProcess): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    for (let program = first; ; program = again()) {
      const startedMs = performance.now();
      await program.ended;
      const livedMs = performance.now() - startedMs;
      waitMs = livedMs > STABLE_MS ? FIRST_WAIT_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS);
      const { signal } = this.#stopping;
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      this.restarts += 1;
      this.#notice(`${program.title} ${program.ending()}; it is started again`);
    }
  }

  /** What ends from now on stays ended. */
  stop(): void {
    this.#stopping.abort();
  }
}
