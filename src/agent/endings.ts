import * as L from '../../assembly/layout.ts';
import type { Outcomes } from './close.ts';
import type { Entries } from './entries.ts';
import { countFailure } from './figures.ts';
import type { AgentFigures } from './figures.ts';
import type { Pending } from './replays.ts';
import type { Giver } from './takeover.ts';

export interface EndingParts {
  entries: Entries;
  figures: AgentFigures;
  timing: { lingerMs: number };
  /** by the index that stands in a record */
  giverAt: (index: number) => Giver | undefined;
}

/** How connections end: noted once, told until confirmed. */
export class Endings {
  readonly #parts: EndingParts;
  readonly #entries: Entries;
  readonly #outcomes: Outcomes;

  constructor(parts: EndingParts, outcomes: Outcomes) {
    this.#parts = parts;
    this.#entries = parts.entries;
    this.#outcomes = outcomes;
  }

  fail(
    { entry, giver }: Pick<Pending, 'entry' | 'giver'>,
    delivered: 'no' | 'maybe',
    reason: string,
    nowMs: number,
  ): void {
    if (!this.#entries.over(entry)) return; // released meanwhile
    countFailure(this.#parts.figures, reason);
    const bit = delivered === 'no' ? L.TERMINAL_FAILED : L.TERMINAL_FAILED_MAYBE;
    this.#outcomes.add(entry, bit, giver, nowMs, reason);
  }

  closed(entry: number, nowMs: number): void {
    this.#entries.setTerminal(entry, L.TERMINAL_CLOSE);
    this.tell(entry, nowMs);
  }

  /** Whose worker could not queue it, or whose giver was away. */
  tell(entry: number, nowMs: number): void {
    if (this.#entries.over(entry)) {
      this.#parts.figures.closed += 1;
      // the core's own deadline is the default's, and in DRAINING it sets none
      const deadlineMs = nowMs + this.#parts.timing.lingerMs;
      this.#entries.linger(entry, this.#entries.connections.id(entry), deadlineMs);
    }
    const giver = this.#giver(entry);
    if (giver) this.#outcomes.resume(entry, giver, nowMs);
  }

  #giver(entry: number): Giver | undefined {
    return this.#parts.giverAt(this.#entries.connections.record16(entry, L.RECORD_SERVER));
  }

  /** Nothing is told any more, and late packets match nothing. */
  forget(entry: number): void {
    const id = this.#entries.connections.id(entry);
    this.#outcomes.drop(entry, id);
    this.#entries.remove(entry, id);
  }
}
