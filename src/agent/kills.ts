import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { HandoffId } from '../channel/messages.ts';
import type { TcpPacket } from '../packet/read.ts';
import type { Entries } from './entries.ts';
import type { AgentFigures } from './figures.ts';
import { Kill } from './kill.ts';
import type { Outbox } from './outbox.ts';

/** Late packets of a killed connection find its entry for so long. */
const AFTERMATH_MS = 1000;

/** How long after a deadline the kernel may take to show what it got. */
export const VERDICT_MS = 100;

/** What is known when a kill ends, or when its answer can be waited for no longer. */
export interface KillResult {
  /** the kernel said that it is gone, and what it had got before */
  confirmed: boolean;
  /** bytes from the client's ISN + 1 on that the kernel acknowledged during the kill */
  acknowledged: number;
}

interface Running {
  id: HandoffId;
  worker: number;
  kill: Kill;
  /** called once */
  told: ((result: KillResult) => void) | null;
  tellMs: number;
}

export interface KillOptions {
  /** where RCV.NXT of the kernel may be */
  guesses: number[];
  /** called when the kernel is done with the connection, at `tellMs` at the latest */
  told?: (result: KillResult) => void;
  tellMs?: number;
}

/**
 * Connections that are being taken from the server's kernel. Their entries stand in REPLAYING, so that
 * the kernel's packets come here and go no further; then they are CLOSED and silent for a moment.
 */
export class Kills {
  readonly #entries: Entries;
  readonly #outbox: Outbox;
  readonly #figures: AgentFigures;
  readonly #running = new Map<number, Running>();

  constructor(entries: Entries, outbox: Outbox, figures: AgentFigures) {
    this.#entries = entries;
    this.#outbox = outbox;
    this.#figures = figures;
  }

  get size(): number {
    return this.#running.size;
  }

  has(entry: number): boolean {
    return this.#running.has(entry);
  }

  begin(entry: number, options: KillOptions, nowMs: number): void {
    const { connections } = this.#entries;
    const id = connections.id(entry);
    this.#entries.update(entry, id, C.UPDATE_STATE, (template) =>
      template.state(L.STATE_REPLAYING),
    );
    const isn = connections.record32(entry, L.RECORD_CLIENT_ISN);
    const kill = new Kill(this.#entries.ends(entry), isn, options.guesses);
    const worker = connections.worker(entry);
    const { told = null, tellMs = Infinity } = options;
    this.#running.set(entry, { id, worker, kill, told, tellMs });
    this.#figures.kills += 1;
    this.#outbox.transmit(worker, kill.start(nowMs));
  }

  fromKernel(entry: number, segment: TcpPacket, nowMs: number): void {
    const running = this.#running.get(entry);
    if (!running) return;
    this.#outbox.transmit(running.worker, running.kill.fromKernel(segment));
    if (running.kill.over) this.#end(entry, running, nowMs);
  }

  /** The entry is about to be removed. */
  forget(entry: number): void {
    this.#running.delete(entry);
  }

  time(nowMs: number): void {
    for (const [entry, running] of this.#running) {
      this.#outbox.transmit(running.worker, running.kill.time(nowMs));
      if (running.kill.over) this.#end(entry, running, nowMs);
      else if (nowMs >= running.tellMs) this.#tell(running);
    }
  }

  #end(entry: number, running: Running, nowMs: number): void {
    this.#running.delete(entry);
    if (!running.kill.confirmed) this.#figures.killsUnconfirmed += 1;
    this.#entries.silence(entry, running.id, nowMs + AFTERMATH_MS);
    this.#tell(running);
  }

  #tell(running: Running): void {
    const { told } = running;
    running.told = null;
    running.tellMs = Infinity;
    const { confirmed, known, acknowledged } = running.kill;
    told?.({ confirmed: confirmed && known, acknowledged });
  }
}
