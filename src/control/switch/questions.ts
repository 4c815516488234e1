// What a switch of a group asks agents and the other switches before it acts (docs/protocol.md, section 8).
import type { Asked, Found } from '../../channel/group-messages.ts';
import type { PacketEvent } from '../../event.ts';
import type { Opening } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { tupleKey } from '../../tuple.ts';

/** Answers are worth nothing after that: reservations end, and who was silent is asked again. */
const FRESH_MS = 1000;
/** A dispatcher may take a while to choose. */
const FREE_MS = 800;
/** An agent away for so long counts as dead: a lease and 2 s. */
const DEAD_MS = 3000;
/** So long what nobody knew is not asked about again. */
const NEGATIVE_MS = 1000;
/** What gathers in that time goes in one message. */
const TICK_MS = 1;
const LIMIT = 4096;
const BATCH_LIMIT = 512;
/** Packets of a connection that wait for its answer. */
const HELD_LIMIT = 8;

export interface Question {
  key: string;
  asked: Asked;
  askedMs: number;
  /** names of those whose answer is missing */
  waits: Set<string>;
  /** the request that waits; null: packets in mid-connection */
  opening: Opening | null;
  held: PacketEvent[];
}

export function questionKey({ tuple, clientIsn }: Asked): string {
  const { client, clientPort, vip, vipPort } = tuple;
  return `${tupleKey({ client, clientPort, local: vip, localPort: vipPort })} ${clientIsn ?? ''}`;
}

export class Questions {
  readonly #open = new Map<string, Question>();
  readonly #unknown = new Map<string, number>();
  readonly #batches = new Map<string, Asked[]>();
  /** whose next handoff must be asked for although the group is settled */
  readonly #forced = new WeakSet<Opening>();
  #dueMs = Infinity;
  /** asked so far: before handoffs, and about packets in mid-connection */
  ofRequests = 0;
  ofPackets = 0;

  /** Nobody knew it a moment ago. */
  isUnknown(key: string, nowMs: number): boolean {
    const sinceMs = this.#unknown.get(key);
    return sinceMs !== undefined && nowMs - sinceMs < NEGATIVE_MS;
  }

  force(opening: Opening): void {
    this.#forced.add(opening);
  }

  mustAsk(state: SwitchState, opening: Opening, nowMs: number): boolean {
    return !state.owners.isSettled(nowMs) || this.#forced.has(opening);
  }

  /** Everybody said `unknown`, and it is not too long ago. */
  isFree(opening: Opening, nowMs: number): boolean {
    const { tuple, entryIsn } = opening;
    const question = this.#open.get(questionKey({ tuple, clientIsn: entryIsn }));
    if (question?.opening !== opening || question.waits.size > 0) return false;
    return nowMs - question.askedMs < FREE_MS;
  }

  /** False: too many are open. */
  ask(state: SwitchState, asked: Asked, opening: Opening | null, nowMs: number): Question | null {
    const key = questionKey(asked);
    const known = this.#open.get(key);
    if (known && nowMs - known.askedMs < FRESH_MS && known.opening === opening) return known;
    if (!known && this.#open.size >= LIMIT) return null;
    const names = [...agentsToAsk(state, nowMs), ...state.owners.up];
    const held = known?.held ?? [];
    const question = { key, asked, askedMs: nowMs, waits: new Set(names), opening, held };
    this.#open.delete(key);
    this.#open.set(key, question);
    for (const name of names) this.put(name, asked, nowMs);
    if (opening) this.ofRequests += 1;
    else this.ofPackets += 1;
    return question;
  }

  /** One question to one host. */
  put(name: string, asked: Asked, nowMs: number): void {
    const batch = this.#batches.get(name) ?? [];
    this.#batches.set(name, batch);
    batch.push(asked);
    this.#dueMs = Math.min(this.#dueMs, nowMs + TICK_MS);
  }

  hold(question: Question, event: PacketEvent): void {
    if (question.held.length < HELD_LIMIT) question.held.push(event);
  }

  /** The question that this answers, if it still stands. */
  answered({ asked, verdict }: Found, from: string): Question | null {
    const question = this.#open.get(questionKey(asked));
    if (!question) return null;
    if (verdict === 'unknown') question.waits.delete(from);
    return question;
  }

  settle({ key }: Question): void {
    this.#open.delete(key);
  }

  /** Nobody has it. */
  noteUnknown({ key }: Question, nowMs: number): void {
    this.#unknown.delete(key);
    this.#unknown.set(key, nowMs);
    for (const [oldest, ms] of this.#unknown) {
      if (this.#unknown.size <= LIMIT && nowMs - ms < NEGATIVE_MS) break;
      this.#unknown.delete(oldest);
    }
  }

  get nextMs(): number {
    return this.#dueMs;
  }

  time(state: SwitchState, nowMs: number): void {
    for (const question of this.#open.values()) {
      if (nowMs - question.askedMs < 2 * FRESH_MS) break;
      this.#open.delete(question.key);
    }
    if (nowMs < this.#dueMs) return;
    this.#dueMs = Infinity;
    for (const [name, asked] of this.#batches) {
      for (let at = 0; at < asked.length; at += BATCH_LIMIT) {
        state.sendTo(name, { type: 'query', asked: asked.slice(at, at + BATCH_LIMIT) });
      }
    }
    this.#batches.clear();
  }
}

/** All but the dead; one that is away for a moment is waited for. */
function agentsToAsk(state: SwitchState, nowMs: number): string[] {
  return state.servers.filter((server) => !isDead(state, server, nowMs)).map(({ name }) => name);
}

function isDead(state: SwitchState, { up, downSinceMs }: Server, nowMs: number): boolean {
  const sinceMs = downSinceMs === Infinity ? state.startedMs : downSinceMs;
  return !up && nowMs - sinceMs >= DEAD_MS;
}
