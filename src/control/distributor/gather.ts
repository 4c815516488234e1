import { HEAD_LIMIT } from '../../../assembly/calls.ts';
import { distance } from '../../packet/sequence.ts';

/** More separate runs of out-of-order bytes than this are not kept: the client repeats them. */
export const HOLE_LIMIT = 32;
/** Bytes kept per connection: the longest request head, also the window the switch offers. */
export const GATHER_LIMIT = HEAD_LIMIT;
const FIRST_SIZE = 256;

/** What add() did with a segment. */
export type Gathered = 'grown' | 'kept' | 'known' | 'refused';

/**
 * The bytes of one connection before its handoff, put together from segments in any order. The
 * first copy of a byte wins, as in Linux. Positions count from the client's first byte.
 */
export class Gather {
  /** sequence number of position 0 */
  readonly base: number;
  private bytes = new Uint8Array(0);
  private readonly limit: number;
  /** runs of bytes that are present, by position, none touching another */
  private readonly runs: { from: number; to: number }[] = [];

  constructor(base: number, limit = GATHER_LIMIT) {
    this.base = base;
    this.limit = limit;
  }

  /** Bytes in order from position 0. */
  get length(): number {
    const first = this.runs[0];
    return first !== undefined && first.from === 0 ? first.to : 0;
  }

  /** Next sequence number that is missing. */
  get next(): number {
    return (this.base + this.length) >>> 0;
  }

  /** Bytes that still fit behind those in order. */
  get room(): number {
    return this.limit - this.length;
  }

  /** The bytes in order; valid until the next add(). */
  get contents(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Runs beyond the first hole as sequence numbers [left, right), for SACK. */
  get islands(): [number, number][] {
    return this.runs
      .filter((run) => run.from > 0)
      .map((run) => [(this.base + run.from) >>> 0, (this.base + run.to) >>> 0]);
  }

  /**
   * Takes a segment; what lies outside the window is cut off. 'grown': more bytes in order;
   * 'kept': new bytes beyond a hole; 'known': nothing new; 'refused': one hole too many.
   */
  add(sequence: number, segment: Uint8Array): Gathered {
    const start = distance(sequence, this.base);
    const from = Math.max(0, start);
    const to = Math.min(this.limit, start + segment.length);
    if (from >= to) return 'known';
    const before = this.length;
    const missing = this.missingIn(from, to);
    if (missing.length === 0) return 'known';
    if (from > before && this.wouldMakeHole(from, to)) return 'refused';
    this.reserve(to);
    for (const gap of missing) {
      this.bytes.set(segment.subarray(gap.from - start, gap.to - start), gap.from);
    }
    this.join(from, to);
    return this.length > before ? 'grown' : 'kept';
  }

  /** The bytes will not be asked for any more. */
  discard(): void {
    this.bytes = new Uint8Array(0);
  }

  /** Keeps so many bytes in order, and nothing else. */
  cut(length: number): void {
    this.runs.splice(0, this.runs.length, { from: 0, to: length });
  }

  private missingIn(from: number, to: number): { from: number; to: number }[] {
    const missing: { from: number; to: number }[] = [];
    let at = from;
    for (const run of this.runs) {
      if (run.to <= at) continue;
      if (run.from >= to) break;
      if (run.from > at) missing.push({ from: at, to: run.from });
      at = run.to;
    }
    if (at < to) missing.push({ from: at, to });
    return missing;
  }

  private wouldMakeHole(from: number, to: number): boolean {
    if (this.runs.some((run) => run.from <= to && run.to >= from)) return false;
    const holes = this.runs.filter((run) => run.from > 0).length;
    return holes >= HOLE_LIMIT;
  }

  private join(from: number, to: number): void {
    let joinedFrom = from;
    let joinedTo = to;
    let first = 0;
    while (first < this.runs.length && this.runs[first]!.to < from) first += 1;
    let last = first;
    while (last < this.runs.length && this.runs[last]!.from <= to) {
      joinedFrom = Math.min(joinedFrom, this.runs[last]!.from);
      joinedTo = Math.max(joinedTo, this.runs[last]!.to);
      last += 1;
    }
    this.runs.splice(first, last - first, { from: joinedFrom, to: joinedTo });
  }

  private reserve(length: number): void {
    if (this.bytes.length >= length) return;
    let size = Math.max(FIRST_SIZE, this.bytes.length);
    while (size < length) size *= 2;
    const larger = new Uint8Array(Math.min(size, this.limit));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
