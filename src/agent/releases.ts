import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { Agreed, Busy, HandoffId, Release, Requests, Tuple } from '../channel/messages.ts';
import { distance } from '../packet/sequence.ts';
import type { Bindings } from './bindings.ts';
import { Boundaries, type BoundaryParts } from './boundaries.ts';
import type { Outcomes } from './close.ts';
import type { Entries } from './entries.ts';
import type { Kills } from './kills.ts';
import type { GivesBack, Giver } from './takeover.ts';

export interface ReleaseParts extends BoundaryParts {
  bindings: Bindings;
}

interface Asked {
  release: Release;
  giver: Giver;
}

const REASONS: Record<number, Busy['reason']> = {
  [C.RELEASE_LATER]: 'later',
  [C.RELEASE_NEVER]: 'never',
  [C.RELEASE_UPGRADED]: 'upgraded',
  [C.RELEASE_ENDING]: 'ending',
};

/**
 * Gives connections back whose requests are all answered. The core decides, under the lock; who asked to
 * wait is answered when the last acknowledgment has come.
 */
export class Releases implements GivesBack {
  readonly #parts: ReleaseParts;
  readonly #entries: Entries;
  readonly #outcomes: Outcomes;
  readonly #kills: Kills;
  readonly #boundaries: Boundaries;
  /** by entry: those that wait */
  readonly #asked = new Map<number, Asked>();

  constructor(parts: ReleaseParts, outcomes: Outcomes, kills: Kills) {
    this.#parts = parts;
    this.#entries = parts.entries;
    this.#outcomes = outcomes;
    this.#kills = kills;
    this.#boundaries = new Boundaries(parts);
  }

  get size(): number {
    return this.#asked.size;
  }

  ask(release: Release, giver: Giver, nowMs: number): void {
    const { connections } = this.#entries;
    const entry = this.#find(release, giver);
    if (entry === null) return this.#refuse(release, giver, 'unknown');
    if ((this.#entries.terminal(entry) & L.TERMINAL_RELEASED) !== 0) {
      return this.#outcomes.repeat(entry, giver, nowMs);
    }
    // its end is being told
    if (connections.state(entry) === L.STATE_CLOSED) return;
    this.#asked.set(entry, { release, giver });
    this.#try(entry, nowMs);
  }

  /** Kept for a switch that has forgotten. */
  note(requests: Requests, giver: Giver): void {
    const entry = this.#find(requests, giver);
    if (entry === null) return;
    const { id, count, next } = requests;
    this.#entries.update(entry, id, C.UPDATE_REQUESTS, (template) =>
      template.record32(L.RECORD_REQUESTS, count).record32(L.RECORD_REQUEST_NEXT, next),
    );
  }

  reachable(giver: Giver): void {
    this.#boundaries.reachable(giver);
  }

  requests(giver: Giver): Requests[] {
    return this.#entries
      .ofGiver(giver)
      .map((entry) => this.#requestsOf(entry))
      .filter((requests) => requests !== null);
  }

  /** Null: what was noted is not all that has come. */
  #requestsOf(entry: number): Requests | null {
    const { connections } = this.#entries;
    if ((connections.flags(entry) & L.FLAG_REQUESTS) === 0) return null;
    const next = connections.record32(entry, L.RECORD_REQUEST_NEXT);
    const count = connections.record32(entry, L.RECORD_REQUESTS);
    const isBeyond = distance(connections.record32(entry, L.RECORD_CLIENT_NEXT), next) > 0;
    if (isBeyond || count === 0) return null;
    const id = connections.id(entry);
    const agreed = this.#agreed(entry);
    return { type: 'requests', id, tuple: this.#entries.tuple(entry), count, next, agreed };
  }

  /** What the handoff said of the client. */
  #agreed(entry: number): Agreed {
    const { connections } = this.#entries;
    const options = connections.record8(entry, L.RECORD_OPTIONS);
    return {
      mss: connections.record16(entry, L.RECORD_CLIENT_MSS),
      clientScale: connections.record8(entry, L.RECORD_CLIENT_SCALE),
      switchScale: connections.entry8(entry, L.ENTRY_SWITCH_SCALE),
      sack: (options & L.OPTION_SACK) !== 0,
      timestamps: (options & L.OPTION_TIMESTAMPS) !== 0,
    };
  }

  /** The server has said something that nobody asked for; true: it must not go on now. */
  stirs(entry: number, nowMs: number): boolean {
    return this.#boundaries.stirs(entry, nowMs);
  }

  /** A worker saw what was waited for. */
  answered(entry: number, nowMs: number): void {
    if (this.#asked.has(entry)) this.#try(entry, nowMs);
  }

  /** A worker's word may be lost. */
  time(nowMs: number): void {
    this.#boundaries.time(nowMs);
    for (const entry of this.#asked.keys()) this.#try(entry, nowMs);
  }

  /** The entry of a tuple if it has that id, and that giver. */
  #find({ id, tuple }: { id: HandoffId; tuple: Tuple }, giver: Giver): number | null {
    const { connections } = this.#entries;
    const binding = this.#parts.bindings.find(giver.groupName, tuple.vip, tuple.vipPort);
    const entry = binding ? this.#entries.find(tuple, binding) : null;
    if (entry === null || !connections.hasId(entry, id)) return null;
    return connections.record16(entry, L.RECORD_SERVER) === giver.index ? entry : null;
  }

  #try(entry: number, nowMs: number): void {
    const { release, giver } = this.#asked.get(entry)!;
    const result = this.#entries.release(entry, release);
    if (result === C.RELEASE_LATER && release.waits) return;
    this.#asked.delete(entry);
    if (result === C.RELEASE_DONE) return this.#release(entry, release, giver, nowMs);
    // its end is told, or it was another one's by now
    if (result === C.RELEASE_NONE && this.#entries.connections.hasId(entry, release.id)) return;
    this.#refuse(release, giver, REASONS[result] ?? 'unknown');
  }

  /** Nothing goes to the client any more; the kernel hears of it, and its answers go no further. */
  #release(entry: number, { sequence }: Release, giver: Giver, nowMs: number): void {
    this.#entries.over(entry);
    this.#parts.figures.released += 1;
    this.#outcomes.add(entry, L.TERMINAL_RELEASED, giver, nowMs);
    this.#kills.begin(entry, { guesses: [sequence] }, nowMs);
  }

  #refuse({ id }: Release, giver: Giver, reason: Busy['reason']): void {
    this.#parts.figures.busy += 1;
    this.#parts.outbox.message(giver.peer, { type: 'busy', id, reason });
  }
}
