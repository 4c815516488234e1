// Connections between two requests: their givers are told, so that another server can have them when this
// host dies. Nothing new goes to their clients from then on (assembly/framing.ts), so what was told stays
// true until a next request comes, which the giver sees itself, or until it is taken back here.
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { IdleConnection } from '../channel/idle-message.ts';
import { TableWalk } from '../table-walk.ts';
import type { Entries } from './entries.ts';
import type { AgentFigures } from './figures.ts';
import type { Outbox } from './outbox.ts';
import type { Giver } from './takeover.ts';

const TICK_MS = 250;
/** The whole table is looked at once in so many ticks. */
const TICKS = 2;
/** Nothing has come of the connection for so long, in whole seconds: 1 s to 2 s. */
const IDLE_S = 1;
/** At most so many that were told before are told again in one tick. */
const AGAIN_LIMIT = 4096;
/** Most connections in one message. */
const BATCH = 1024;

export interface BoundaryParts {
  entries: Entries;
  outbox: Outbox;
  figures: AgentFigures;
  /** by the index that stands in a record */
  giverAt: (index: number) => Giver | undefined;
  /** when the newest frame was sent that the peer has acknowledged (ms) */
  acknowledgedMs: (peer: string) => number;
}

export class Boundaries {
  readonly #parts: BoundaryParts;
  readonly #entries: Entries;
  readonly #walk: TableWalk;
  /** noted before; their giver may have forgotten */
  readonly #again = new Set<number>();
  /** noted, whose givers were told that it is no longer so: when */
  readonly #takenBack = new Map<number, number>();
  #nextMs = -Infinity;

  constructor(parts: BoundaryParts) {
    this.#parts = parts;
    this.#entries = parts.entries;
    this.#walk = new TableWalk(parts.entries.connections.entryCount, L.CONTROL_LIST_LIMIT);
  }

  /** The giver is back: it gets its list before the next tick. */
  reachable(giver: Giver): void {
    // what was told last may be lost with the channel
    for (const entry of this.#takenBack.keys()) {
      if (this.#giver(entry) === giver) this.#takenBack.delete(entry);
    }
    if (!giver.takesIdle || !this.#entries.hasRequests) return;
    for (const entry of this.#entries.ofGiver(giver)) {
      if (this.#isNoted(entry)) this.#again.add(entry);
    }
  }

  time(nowMs: number): void {
    if (nowMs < this.#nextMs || !this.#entries.hasRequests) return;
    this.#nextMs = nowMs + TICK_MS;
    const found: number[] = [];
    for (const entry of this.#again) {
      if (found.length === AGAIN_LIMIT) break;
      this.#again.delete(entry);
      if (this.#isNoted(entry)) found.push(entry);
    }
    const seenBeforeS = Math.floor(nowMs / 1000) - IDLE_S;
    const part = Math.ceil(this.#entries.connections.entryCount / TICKS);
    for (const { from, count } of this.#walk.part(part)) {
      if (seenBeforeS > 0) found.push(...this.#entries.rest(from, count, seenBeforeS));
    }
    this.#tell(found);
  }

  /**
   * Its server has something to say although nobody asked. True: it cannot yet, since the giver is not
   * known to know; the kernel will say it again.
   */
  stirs(entry: number, nowMs: number): boolean {
    if (!this.#isNoted(entry)) return false;
    const giver = this.#giver(entry);
    if (giver?.takesIdle) {
      if (!giver.up) return true;
      const toldMs = this.#takenBack.get(entry) ?? this.#takeBack(giver, entry, nowMs);
      if (this.#parts.acknowledgedMs(giver.peer) <= toldMs) return true;
    }
    this.#takenBack.delete(entry);
    this.#forget(entry);
    return false;
  }

  #takeBack(giver: Giver, entry: number, nowMs: number): number {
    const idle = { ...this.#idle(entry), requests: 0 };
    this.#parts.outbox.message(giver.peer, { type: 'idle', connections: [idle] });
    this.#takenBack.set(entry, nowMs);
    return nowMs;
  }

  #tell(found: readonly number[]): void {
    const byGiver = new Map<Giver, IdleConnection[]>();
    for (const entry of found) {
      this.#takenBack.delete(entry);
      const giver = this.#giver(entry);
      if (!giver?.takesIdle) {
        this.#forget(entry);
        continue;
      }
      // told when it is back
      if (!giver.up) continue;
      const idle = this.#idle(entry);
      // a request came while that was read
      if (!this.#isNoted(entry)) continue;
      const told = byGiver.get(giver) ?? [];
      byGiver.set(giver, told);
      told.push(idle);
    }
    for (const [giver, connections] of byGiver) {
      this.#parts.figures.idleTold += connections.length;
      for (let from = 0; from < connections.length; from += BATCH) {
        const batch = connections.slice(from, from + BATCH);
        this.#parts.outbox.message(giver.peer, { type: 'idle', connections: batch });
      }
    }
  }

  /** The number of requests is read first: a report that is torn names too few, and counts for nothing. */
  #idle(entry: number): IdleConnection {
    const { connections } = this.#entries;
    const requests = connections.record32(entry, L.RECORD_RESPONSES);
    const sequence = connections.record32(entry, L.RECORD_CLIENT_NEXT);
    const { id, tuple, next, timestamp } = this.#entries.released(entry);
    return { id, tuple, next, timestamp, sequence, requests };
  }

  #isNoted(entry: number): boolean {
    return (this.#entries.connections.flags(entry) & L.FLAG_AT_BOUNDARY) !== 0;
  }

  #giver(entry: number): Giver | undefined {
    return this.#parts.giverAt(this.#entries.connections.record16(entry, L.RECORD_SERVER));
  }

  #forget(entry: number): void {
    const id = this.#entries.connections.id(entry);
    this.#entries.update(entry, id, C.UPDATE_FLAGS_CLEAR, (template) =>
      template.entry32(L.ENTRY_FLAGS, L.FLAG_AT_BOUNDARY),
    );
  }
}
