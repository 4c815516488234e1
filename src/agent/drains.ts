import * as L from '../../assembly/layout.ts';
import type { HandoffId } from '../channel/messages.ts';
import type { Entries } from './entries.ts';

const DRAIN_MS = 500;

/** Connections whose held packets are on their way through a worker. */
export class Drains {
  readonly #entries: Entries;
  readonly #draining = new Map<number, { id: HandoffId; untilMs: number }>();

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#draining.size;
  }

  begin(entry: number, id: HandoffId, nowMs: number): void {
    this.#draining.set(entry, { id, untilMs: nowMs + DRAIN_MS });
  }

  /** The entries that went on to CLOSED without anybody's knowing. */
  time(nowMs: number): number[] {
    const closed: number[] = [];
    for (const [entry, { id, untilMs }] of this.#draining) {
      const { connections } = this.#entries;
      if (!connections.hasId(entry, id)) {
        this.#draining.delete(entry);
        continue;
      }
      if (nowMs >= untilMs) this.giveUpRest(entry, id);
      const state = connections.state(entry);
      if (state === L.STATE_DRAINING) continue;
      this.#draining.delete(entry);
      if (state === L.STATE_CLOSED && this.#entries.isOpen(entry)) closed.push(entry);
    }
    return closed;
  }

  /** What did not come back from the worker is lost; its sender repeats it. */
  giveUpRest(entry: number, id: HandoffId): void {
    const { connections } = this.#entries;
    const held = connections.record32(entry, L.RECORD_HELD_COUNT);
    const sent = connections.record32(entry, L.RECORD_SENT_COUNT);
    this.#entries.giveUp(entry, id, (held - sent) | 0);
  }
}
