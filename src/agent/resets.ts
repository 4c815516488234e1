import type { HandoffId } from '../channel/messages.ts';
import { sameId } from '../tuple.ts';
import type { Entries } from './entries.ts';

/** A connection in which more came than workers report is asked for so often, whatever its client sends. */
const INTERVAL_MS = 100;

/**
 * RSTs and SYNs of clients in open connections, of which only the kernel knows whether they ended
 * them. One client may send a hundred thousand in a second: workers report the first ones, note that
 * there were more, and report again when the interval is over.
 */
export class Resets {
  readonly #entries: Entries;
  readonly #ask: (entry: number) => void;
  /** oldest first */
  readonly #told = new Map<number, { id: HandoffId; untilMs: number }>();

  constructor(entries: Entries, ask: (entry: number) => void) {
    this.#entries = entries;
    this.#ask = ask;
  }

  reported(entry: number, id: HandoffId, nowMs: number): void {
    this.#ask(entry);
    const known = this.#told.get(entry)?.id;
    if (known && sameId(known, id)) return;
    this.#told.delete(entry);
    this.#told.set(entry, { id, untilMs: nowMs + INTERVAL_MS });
  }

  /** Asks again where more came. */
  time(nowMs: number): void {
    for (const [entry, { id, untilMs }] of this.#told) {
      if (untilMs > nowMs) return;
      this.#told.delete(entry);
      if (!this.#entries.connections.hasId(entry, id)) continue;
      if (this.#entries.takeResets(entry)) this.#ask(entry);
    }
  }
}
