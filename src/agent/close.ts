import * as L from '../../assembly/layout.ts';
import type { Confirm, HandoffId, Message } from '../channel/messages.ts';
import { idKey } from '../tuple.ts';
import type { Entries } from './entries.ts';
import type { Outcome, Giver } from './takeover.ts';

const REPEAT_MS = 2000;

interface Outstanding {
  entry: number;
  id: HandoffId;
  giver: Giver;
  reason: string;
  /** TERMINAL_* of what was sent and not confirmed, oldest first: a confirmation may name only the id */
  sent: number[];
  repeatMs: number;
}

/** An entry, and its TERMINAL_* bits. */
interface Confirmed {
  entry: number;
  done: number;
  left: number;
}

/** Tells a giver outcomes; false = it cannot be reached now. */
export type Tell = (giver: Giver, outcome: Outcome) => boolean;

/**
 * Terminal messages. What must be told stands as bits in the record and nowhere else; this only
 * remembers which records have some, and finds them again when a sweep or a listing comes across.
 */
export class Outcomes {
  readonly #entries: Entries;
  readonly #tell: Tell;
  readonly #outstanding = new Map<string, Outstanding>();

  constructor(entries: Entries, tell: Tell) {
    this.#entries = entries;
    this.#tell = tell;
  }

  get size(): number {
    return this.#outstanding.size;
  }

  /** Sets bits of a record and tells the giver. */
  add(entry: number, bits: number, giver: Giver, nowMs: number, reason = ''): void {
    this.#entries.setTerminal(entry, bits);
    this.resume(entry, giver, nowMs, reason);
  }

  /** Tells what stands in the record and has not been sent. */
  resume(entry: number, giver: Giver, nowMs: number, reason = ''): void {
    const id = this.#entries.connections.id(entry);
    const known = this.#outstanding.get(idKey(id));
    const outstanding = known ?? { entry, id, giver, reason, sent: [], repeatMs: 0 };
    outstanding.giver = giver;
    if (reason !== '') outstanding.reason = reason;
    this.#outstanding.set(idKey(id), outstanding);
    this.#send(outstanding, nowMs, (bit) => !outstanding.sent.includes(bit));
  }

  /** Tells again all that this entry's giver has not confirmed. */
  repeat(entry: number, giver: Giver, nowMs: number): void {
    this.#forgetSent(entry);
    this.resume(entry, giver, nowMs);
  }

  /** Everything outstanding of one giver, after its channel came up: what was sent may be lost. */
  repeatAll(giver: Giver, nowMs: number): void {
    for (const outstanding of this.#outstanding.values()) {
      if (outstanding.giver.index !== giver.index) continue;
      this.repeat(outstanding.entry, giver, nowMs);
    }
  }

  /**
   * A message of that id arrived at its giver: the one named, else the oldest. Returns the bits that
   * its entry is rid of, and those it still has; null when nothing of it was told to that giver.
   */
  confirm(id: HandoffId, giver: Giver, of?: Confirm['of']): Confirmed | null {
    const outstanding = this.#outstanding.get(idKey(id));
    if (outstanding?.giver.index !== giver.index) return null;
    const { entry, sent } = outstanding;
    const done = of ? BITS[of] : (sent[0] ?? 0);
    outstanding.sent = sent.filter((bit) => (bit & done) === 0);
    this.#entries.clearTerminal(entry, done);
    const left = this.#entries.terminal(entry);
    if (left === 0) this.#outstanding.delete(idKey(id));
    return { entry, done, left };
  }

  /** Nothing of this id needs to be told any more. */
  drop(entry: number, id: HandoffId): void {
    this.#entries.clearTerminal(entry, ALL);
    this.#outstanding.delete(idKey(id));
  }

  time(nowMs: number): void {
    for (const outstanding of this.#outstanding.values()) {
      if (nowMs < outstanding.repeatMs) continue;
      this.#send(outstanding, nowMs, () => true);
    }
  }

  #forgetSent(entry: number): void {
    const known = this.#outstanding.get(idKey(this.#entries.connections.id(entry)));
    if (known) known.sent = [];
  }

  #send(outstanding: Outstanding, nowMs: number, wanted: (bit: number) => boolean): void {
    const bits = this.#entries.terminal(outstanding.entry);
    outstanding.repeatMs = nowMs + REPEAT_MS;
    for (const bit of ORDER) {
      if ((bits & bit) === 0 || !wanted(bit)) continue;
      if (!this.#tell(outstanding.giver, this.#outcome(outstanding, bit))) return;
      if (!outstanding.sent.includes(bit)) outstanding.sent.push(bit);
    }
  }

  #outcome(outstanding: Outstanding, bit: number): Outcome {
    const { id, entry, reason } = outstanding;
    if (bit === L.TERMINAL_READY) return { kind: 'ready', id };
    if (bit === L.TERMINAL_CLOSE) return { kind: 'closed', id, tuple: this.#entries.tuple(entry) };
    if (bit === L.TERMINAL_RELEASED) return this.#entries.released(entry);
    const delivered = bit === L.TERMINAL_FAILED ? 'no' : 'maybe';
    return { kind: 'failed', id, delivered, reason: reason || 'failed' };
  }
}

/** A connection is ready before it closes. */
const ORDER = [
  L.TERMINAL_READY,
  L.TERMINAL_FAILED,
  L.TERMINAL_FAILED_MAYBE,
  L.TERMINAL_CLOSE,
  L.TERMINAL_RELEASED,
] as const;

const BITS = {
  ready: L.TERMINAL_READY,
  failed: L.TERMINAL_FAILED | L.TERMINAL_FAILED_MAYBE,
  close: L.TERMINAL_CLOSE,
  released: L.TERMINAL_RELEASED,
  // a distributor's
  update: 0,
};

const ALL = ORDER.reduce((bits, bit) => bits | bit, 0);

/** The control channel's message for an outcome. */
export function outcomeMessage(outcome: Outcome): Message {
  const { id } = outcome;
  if (outcome.kind === 'ready') return { type: 'ready', id };
  if (outcome.kind === 'closed') return { type: 'close', id, tuple: outcome.tuple };
  if (outcome.kind === 'released') {
    const { tuple, next, timestamp } = outcome;
    return { type: 'released', id, tuple, next, timestamp };
  }
  const { delivered, reason } = outcome;
  return { type: 'failed', id, delivered, reason };
}
