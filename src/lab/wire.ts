// One direction of a bad link, as a decision per frame: lost, sent after the delay, or sent late, so that
// later frames overtake it. Frames are slot numbers here; time and randomness are arguments.
import type { Random } from './random.ts';

/** How bad a link is, the same in both directions. */
export interface LinkConditions {
  /** 0..100: of all frames */
  lossPercent: number;
  /** one way */
  delayMs: number;
  /** 0..100: frames that later ones overtake */
  reorderPercent: number;
}

/** A frame that others overtake comes this much late, at least and at most. */
const LATE_MS = [0.5, 4] as const;

export interface WireFigures {
  taken: number;
  lost: number;
  late: number;
  /** refused because the wire held `limit` frames */
  full: number;
}

interface LateFrame {
  slot: number;
  dueMs: number;
}

export class Wire {
  readonly figures: WireFigures = { taken: 0, lost: 0, late: 0, full: 0 };
  readonly #conditions: LinkConditions;
  readonly #random: Random;
  // a ring of the frames that go in order: their due times only grow
  readonly #slots: Int32Array;
  readonly #dueMs: Float64Array;
  #first = 0;
  #count = 0;
  /** by due time, the latest first */
  readonly #late: LateFrame[] = [];

  /** A wire that holds up to `limit` frames. */
  constructor(conditions: LinkConditions, random: Random, limit: number) {
    this.#conditions = conditions;
    this.#random = random;
    this.#slots = new Int32Array(limit);
    this.#dueMs = new Float64Array(limit);
  }

  /** False: the frame is lost, its slot is free again. */
  take(slot: number, nowMs: number): boolean {
    const { lossPercent, delayMs, reorderPercent } = this.#conditions;
    this.figures.taken += 1;
    if (this.#random.chance(lossPercent / 100)) {
      this.figures.lost += 1;
      return false;
    }
    if (this.#count + this.#late.length === this.#slots.length) {
      this.figures.full += 1;
      return false;
    }
    if (this.#random.chance(reorderPercent / 100)) {
      this.#takeLate(slot, nowMs + delayMs);
      return true;
    }
    const at = (this.#first + this.#count) % this.#slots.length;
    this.#slots[at] = slot;
    this.#dueMs[at] = nowMs + delayMs;
    this.#count += 1;
    return true;
  }

  #takeLate(slot: number, inOrderMs: number): void {
    const [least, most] = LATE_MS;
    const dueMs = inOrderMs + least + (most - least) * this.#random.fraction();
    this.figures.late += 1;
    const behind = this.#late.findLastIndex((other) => other.dueMs > dueMs);
    this.#late.splice(behind + 1, 0, { slot, dueMs });
  }

  /** Takes the next frame that is due off the wire: its slot, or -1. */
  next(nowMs: number): number {
    if (this.dueMs() > nowMs) return -1;
    const late = this.#late.at(-1);
    if (late !== undefined && (this.#count === 0 || late.dueMs < this.#dueMs[this.#first]!)) {
      this.#late.pop();
      return late.slot;
    }
    const slot = this.#slots[this.#first]!;
    this.#first = (this.#first + 1) % this.#slots.length;
    this.#count -= 1;
    return slot;
  }

  /** When the next frame is due; Infinity when there is none. */
  dueMs(): number {
    const inOrder = this.#count === 0 ? Infinity : this.#dueMs[this.#first]!;
    return Math.min(inOrder, this.#late.at(-1)?.dueMs ?? Infinity);
  }
}
