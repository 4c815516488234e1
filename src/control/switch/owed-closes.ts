import type { HandoffId, Tuple } from '../../channel/messages.ts';
import { idKey } from '../../tuple.ts';

const LIMIT = 65536;
const REPEAT_MS = 1000;

/** A connection that a server must drop, until its agent has confirmed that it knows. */
export interface OwedClose {
  id: HandoffId;
  tuple: Tuple;
  /** index */
  server: number;
  dueMs: number;
}

/** The closes that agents have not confirmed; bounded: then the oldest is forgotten. */
export class OwedCloses {
  private readonly byId = new Map<string, OwedClose>();
  private soonestMs = Infinity;

  get size(): number {
    return this.byId.size;
  }

  /** Not later than the earliest repetition; Infinity when nothing is owed. */
  get nextMs(): number {
    return this.byId.size === 0 ? Infinity : this.soonestMs;
  }

  has(id: HandoffId): boolean {
    return this.byId.has(idKey(id));
  }

  add(id: HandoffId, tuple: Tuple, server: number, nowMs: number): OwedClose {
    const owed = { id, tuple, server, dueMs: nowMs + REPEAT_MS };
    this.byId.set(idKey(id), owed);
    this.soonestMs = Math.min(this.soonestMs, owed.dueMs);
    if (this.byId.size > LIMIT) {
      for (const oldest of this.byId.keys()) {
        this.byId.delete(oldest);
        break;
      }
    }
    return owed;
  }

  /** That server knows. What another one says about the id counts for nothing. */
  settle(id: HandoffId, server: number): void {
    const key = idKey(id);
    if (this.byId.get(key)?.server === server) this.byId.delete(key);
  }

  /** Those to be sent again now; the next time is a second later. */
  takeDue(nowMs: number): OwedClose[] {
    if (nowMs < this.soonestMs) return [];
    const due: OwedClose[] = [];
    this.soonestMs = Infinity;
    for (const owed of this.byId.values()) {
      if (owed.dueMs <= nowMs) {
        owed.dueMs = nowMs + REPEAT_MS;
        due.push(owed);
      }
      this.soonestMs = Math.min(this.soonestMs, owed.dueMs);
    }
    return due;
  }

  ofServer(server: number): OwedClose[] {
    return [...this.byId.values()].filter((owed) => owed.server === server);
  }
}
