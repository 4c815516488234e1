import * as L from '../../assembly/layout.ts';
import type { Outcomes } from './close.ts';
import type { Entries } from './entries.ts';
import { countFailure } from './figures.ts';
import type { AgentFigures } from './figures.ts';
import type { Pending } from './replays.ts';
import type { Giver } from './takeover.ts';

const RESET_LINGER_MS = 1000;

export interface EndingParts {
  entries: Entries;
  figures: AgentFigures;
  timing: { lingerMs: number };
  /** by the index that stands in a record */
  giverAt: (index: number) => Giver | undefined;
  /** a connection that was served is over */
  ended: (entry: number, nowMs: number) => void;
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
      this.#parts.ended(entry, nowMs);
      // the core knows of no lingering
      const deadlineMs = nowMs + this.#lingerMs(entry);
      this.#entries.linger(entry, this.#entries.connections.id(entry), deadlineMs);
    }
    const giver = this.#giver(entry);
    if (giver) this.#outcomes.resume(entry, giver, nowMs);
  }

  /**
   * A SYN whose sender may not even exist, answered by RST: what a flood leaves must be gone soon. A
   * client that was there knows as much from its reset.
   */
  #lingerMs(entry: number): number {
    const { connections } = this.#entries;
    const bySyn = (connections.record8(entry, L.RECORD_OPTIONS) & L.OPTION_BY_SYN) !== 0;
    const fins = connections.flags(entry) & (L.FLAG_CLIENT_FIN | L.FLAG_SERVER_FIN);
    const { lingerMs } = this.#parts.timing;
    return bySyn && fins === 0 ? Math.min(lingerMs, RESET_LINGER_MS) : lingerMs;
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
