// What the switches in front of a host must be told: updates and closes, until they have confirmed.
import { idKey } from '../tuple.ts';
import type { Close, Confirm, HandoffId, Hello, Message, Update } from './messages.ts';
import { IN_FRONT } from './messages.ts';

const REPEAT_MS = 2000;
/** A switch that is away for so long has forgotten everything, or is gone for good. */
const AWAY_MS = 60_000;
/** Most notices for one switch; above it the oldest is forgotten. */
const LIMIT = 65536;

export type Notice = Update | (Close & { clientIsn: number });

interface Owed {
  notice: Notice;
  dueMs: number;
}

interface Front {
  name: string;
  group: string;
  /** ms; Infinity while it is up */
  awaySinceMs: number;
  owed: Map<string, Owed>;
}

/** Whether a peer is a switch that hands nothing over (docs/protocol.md, section 6). */
export function isInFront({ capabilities }: Hello): boolean {
  return capabilities.includes(IN_FRONT);
}

function isUp({ awaySinceMs }: Front): boolean {
  return awaySinceMs === Infinity;
}

function keyOf(type: 'update' | 'close', id: HandoffId): string {
  return `${type} ${idKey(id)}`;
}

/** The switches in front of this host, as one of its planes knows them. */
export class FrontNotices {
  readonly #send: (to: string, message: Message) => void;
  readonly #fronts = new Map<string, Front>();
  #nextMs = Infinity;

  constructor(send: (to: string, message: Message) => void) {
    this.#send = send;
  }

  /** Some switch was seen that is not known to be gone. */
  get areThere(): boolean {
    return this.#fronts.size > 0;
  }

  has(name: string): boolean {
    return this.#fronts.has(name);
  }

  /** Of all that are up. */
  names(): string[] {
    return [...this.#fronts.values()].filter(isUp).map(({ name }) => name);
  }

  up(name: string, group: string, nowMs: number): void {
    const owed = this.#fronts.get(name)?.owed ?? new Map<string, Owed>();
    this.#fronts.set(name, { name, group, awaySinceMs: Infinity, owed });
    for (const each of owed.values()) this.#say(name, each, nowMs);
  }

  down(name: string, nowMs: number): void {
    const front = this.#fronts.get(name);
    if (!front) return;
    front.awaySinceMs = nowMs;
    this.#nextMs = Math.min(this.#nextMs, nowMs + AWAY_MS);
  }

  /** It has come back as one that hands connections over itself. */
  forget(name: string): void {
    this.#fronts.delete(name);
  }

  /** To every switch for whose group (and name) `isOf` holds. */
  tell(notice: Notice, isOf: (group: string, name: string) => boolean, nowMs: number): void {
    const key = keyOf(notice.type, notice.id);
    for (const front of this.#fronts.values()) {
      const { name, group, owed } = front;
      if (!isOf(group, name)) continue;
      const each = { notice, dueMs: nowMs + REPEAT_MS };
      owed.set(key, each);
      if (owed.size > LIMIT) {
        for (const oldest of owed.keys()) {
          owed.delete(oldest);
          break;
        }
      }
      if (isUp(front)) this.#say(name, each, nowMs);
    }
  }

  confirm(from: string, ids: HandoffId[], of: Confirm['of']): void {
    if (of !== 'update' && of !== 'close') return;
    for (const id of ids) this.#fronts.get(from)?.owed.delete(keyOf(of, id));
  }

  /** Nobody owes a confirmation of the update with that id. */
  isUpdated(id: HandoffId): boolean {
    const key = keyOf('update', id);
    return ![...this.#fronts.values()].some(({ owed }) => owed.has(key));
  }

  /** Repeats what was not confirmed in time. */
  time(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = Infinity;
    for (const front of this.#fronts.values()) {
      if (nowMs - front.awaySinceMs >= AWAY_MS) this.#fronts.delete(front.name);
      else if (!isUp(front)) this.#nextMs = Math.min(this.#nextMs, front.awaySinceMs + AWAY_MS);
      else this.#repeat(front, nowMs);
    }
  }

  #repeat({ name, owed }: Front, nowMs: number): void {
    for (const each of owed.values()) {
      if (each.dueMs <= nowMs) this.#say(name, each, nowMs);
      this.#nextMs = Math.min(this.#nextMs, each.dueMs);
    }
  }

  #say(name: string, each: Owed, nowMs: number): void {
    each.dueMs = nowMs + REPEAT_MS;
    this.#nextMs = Math.min(this.#nextMs, each.dueMs);
    this.#send(name, each.notice);
  }
}
