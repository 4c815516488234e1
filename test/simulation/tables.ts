import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';

// What a machine's memory says at the end of a run, read without the program's own code.

const u32 = (view: DataView, at: number): number => view.getUint32(at, true);

/** Number of entries in each state (STATE_*), free ones left out. */
export function entriesByState(view: DataView): Map<number, number> {
  const found = new Map<number, number>();
  const base = u32(view, L.HEADER_ENTRY_BASE);
  for (let entry = 0; entry < u32(view, L.HEADER_ENTRY_COUNT); entry++) {
    const state = u32(view, base + entry * L.ENTRY_SIZE + L.ENTRY_STATE) & 0xff;
    if (state !== L.STATE_FREE) found.set(state, (found.get(state) ?? 0) + 1);
  }
  return found;
}

/** Sentences about what does not add up. */
export function countingMistakes(view: DataView, name: string): string[] {
  const mistakes: string[] = [];
  const workers = u32(view, L.HEADER_WORKER_COUNT);
  for (let worker = 0; worker < workers; worker++) {
    const at = u32(view, L.HEADER_WORKER_BASE) + worker * L.WORKER_SIZE + L.WORKER_COUNTERS;
    const counter = (index: number): number => Number(view.getBigUint64(at + index * 8, true));
    let sum =
      counter(V.COUNTER_FORWARDED) + counter(V.COUNTER_ANSWERED) + counter(V.COUNTER_TO_CONTROL);
    for (let reason = 0; reason < V.DROP_REASON_LIMIT; reason++) {
      sum += counter(V.COUNTER_DROPS + reason);
    }
    const received = counter(V.COUNTER_RECEIVED);
    if (sum !== received)
      mistakes.push(`${name} worker ${worker}: ${received} received, ${sum} counted`);
  }
  return mistakes;
}

/**
 * Locked buckets, links that lead nowhere, a pool that lost entries: all must be as at the start.
 */
export function emptinessMistakes(view: DataView, name: string): string[] {
  const mistakes: string[] = [];
  const count = u32(view, L.HEADER_ENTRY_COUNT);
  const entries = u32(view, L.HEADER_ENTRY_BASE);
  for (let entry = 0; entry < count; entry++) {
    const at = entries + entry * L.ENTRY_SIZE;
    const state = u32(view, at + L.ENTRY_STATE) & 0xff;
    if (state === L.STATE_FREE) continue;
    const record = u32(view, L.HEADER_RECORD_BASE) + entry * L.RECORD_SIZE;
    const words = [
      `client port ${view.getUint16(at + L.ENTRY_CLIENT_PORT)}`,
      `state ${state}`,
      `deadline ${view.getFloat64(record + L.RECORD_DEADLINE, true)}`,
      `terminal bits ${u32(view, record + L.RECORD_TERMINAL)}`,
      `id ${u32(view, record + L.RECORD_ID_COUNTER)}`,
    ];
    mistakes.push(`${name}: an entry is left: ${words.join(', ')}`);
  }
  if (mistakes.length > 0) return mistakes;
  const free = u32(view, L.HEADER_FREE_COUNT);
  if (free !== count) mistakes.push(`${name}: ${free} of ${count} entries are free`);
  const halfOpen = u32(view, L.HEADER_HALF_OPEN_COUNT);
  if (halfOpen !== 0) mistakes.push(`${name}: ${halfOpen} half-open connections are counted`);
  const buckets = u32(view, L.HEADER_BUCKET_BASE);
  for (let bucket = 0; bucket < u32(view, L.HEADER_BUCKET_COUNT); bucket++) {
    const at = buckets + bucket * L.BUCKET_SIZE;
    if (u32(view, at + L.BUCKET_HEAD) !== 0)
      mistakes.push(`${name}: bucket ${bucket} is not empty`);
    if ((u32(view, at + L.BUCKET_VERSION) & 1) !== 0)
      mistakes.push(`${name}: bucket ${bucket} is locked`);
  }
  return mistakes;
}

/**
 * Sees whether buckets change without their version word, or stay locked. Threads do not interleave
 * here, so
 * this is what a forgotten lock looks like.
 */
export class BucketWatch {
  private readonly words: Int32Array;
  private readonly first: number;
  private readonly count: number;
  private readonly seen: Int32Array;

  constructor(view: DataView) {
    this.words = new Int32Array(view.buffer);
    this.first = u32(view, L.HEADER_BUCKET_BASE) >>> 2;
    this.count = u32(view, L.HEADER_BUCKET_COUNT);
    this.seen = this.words.slice(this.first, this.first + this.count * WORDS);
  }

  check(who: string, report: (problem: string) => void): void {
    const { words, seen, first } = this;
    for (let at = 0; at < this.count * WORDS; at += WORDS) {
      const version = words[first + at + VERSION]!;
      const head = words[first + at + HEAD]!;
      if (version === seen[at + VERSION] && head === seen[at + HEAD]) continue;
      if (version === seen[at + VERSION]) report(`${who} changed a bucket without its lock`);
      if ((version & L.VERSION_LOCKED) !== 0) report(`${who} left a bucket locked`);
      seen[at + VERSION] = version;
      seen[at + HEAD] = head;
    }
  }
}

const WORDS = L.BUCKET_SIZE >> 2;
const VERSION = L.BUCKET_VERSION >> 2;
const HEAD = L.BUCKET_HEAD >> 2;
