// What an earlier run of the agent left, and what becomes of it: its connections go on.
import * as L from '../../assembly/layout.ts';
import { sameAddress } from '../tuple.ts';
import { advance } from '../packet/sequence.ts';
import type { Bindings } from './bindings.ts';
import type { Outcomes } from './close.ts';
import type { Endings } from './endings.ts';
import type { Entries } from './entries.ts';
import { VERDICT_MS } from './kills.ts';
import type { KillResult, Kills } from './kills.ts';
import type { Giver } from './takeover.ts';

/** Names that stand in records as indexes. */
export interface AgentNames {
  /** of the memory that this is: the same from run to run, as long as nothing is forgotten */
  line: string;
  peers: { name: string; group: string }[];
  bindings: { group: string; vip: number[]; port: number }[];
}

/** Images of an entry (ENTRY_SIZE bytes) and its record (RECORD_SIZE bytes). */
export interface FormerEntry {
  entry: Uint8Array;
  record: Uint8Array;
  /** nobody was changing its bucket */
  isSettled: boolean;
}

/** The table of an earlier run, as its process left it: perhaps in the middle of a change. */
export interface FormerTable {
  /** each bucket, BUCKET_SIZE bytes */
  buckets: Uint8Array;
  entries: Uint8Array;
  records: Uint8Array;
}

export interface FormerRun {
  names: AgentNames;
  table: FormerTable;
}

/** What came over from an earlier run. */
export interface Adopted {
  connections: number;
  /** linked entries that could not be taken over */
  left: number;
}

const BOTH_FINS_ACKED = L.FLAG_CLIENT_FIN_ACKED | L.FLAG_SERVER_FIN_ACKED;
/** Connections asked about in one step: control's rings hold some thousand packets. */
const UNSURE_PER_STEP = 500;

/** The linked entries of a table. */
function* linkedEntries(table: FormerTable): Generator<FormerEntry> {
  const { buckets, entries, records } = table;
  const bucketView = new DataView(buckets.buffer, buckets.byteOffset, buckets.byteLength);
  const bucketMask = buckets.length / L.BUCKET_SIZE - 1;
  for (let index = 0; index * L.ENTRY_SIZE < entries.length; index += 1) {
    const entry = entries.subarray(index * L.ENTRY_SIZE, (index + 1) * L.ENTRY_SIZE);
    const view = new DataView(entry.buffer, entry.byteOffset);
    const state = view.getUint32(L.ENTRY_STATE, true);
    if (state < L.STATE_GATHERING || state > L.STATE_CLOSED) continue;
    const bucket = view.getUint32(L.ENTRY_HASH, true) & bucketMask;
    const version = bucketView.getUint32(bucket * L.BUCKET_SIZE + L.BUCKET_VERSION, true);
    const isSettled = (version & L.VERSION_LOCKED) === 0;
    const record = records.subarray(index * L.RECORD_SIZE, (index + 1) * L.RECORD_SIZE);
    yield { entry, record, isSettled };
  }
}

interface AdoptionParts {
  entries: Entries;
  bindings: Bindings;
  giverAt: (index: number) => Giver | undefined;
}

/** Puts connections of an earlier run into the table, and sees to those that were under way. */
export class Adoption {
  readonly #parts: AdoptionParts;
  readonly #outcomes: Outcomes;
  readonly #endings: Endings;
  readonly #kills: Kills;
  #unsure: number[] = [];
  #underWay: number[] = [];

  constructor(parts: AdoptionParts, outcomes: Outcomes, endings: Endings, kills: Kills) {
    this.#parts = parts;
    this.#outcomes = outcomes;
    this.#endings = endings;
    this.#kills = kills;
  }

  adopt(table: FormerTable, nowMs: number): Adopted {
    const adopted = { connections: 0, left: 0 };
    for (const former of linkedEntries(table)) {
      const entry = former.isSettled ? this.#insert(former) : null;
      if (entry === null) {
        adopted.left += 1;
        continue;
      }
      adopted.connections += 1;
      this.#resume(entry, former, nowMs);
    }
    return adopted;
  }

  /** Begins what needs the kernel's answers: to be called when packets pass. */
  time(nowMs: number): void {
    for (const entry of this.#underWay.splice(0)) {
      const isReleased = (this.#parts.entries.terminal(entry) & L.TERMINAL_RELEASED) !== 0;
      if (isReleased) this.#finishRelease(entry, nowMs);
      else this.#takeFromKernel(entry, nowMs);
    }
  }

  /**
   * The next connections whose kernel must be asked: it may have reset them while no agent was there to
   * pass that on.
   */
  unsure(): number[] {
    const { connections } = this.#parts.entries;
    return this.#unsure
      .splice(0, UNSURE_PER_STEP)
      .filter((entry) => connections.state(entry) === L.STATE_FORWARD);
  }

  #insert(former: FormerEntry): number | null {
    const entry = this.#parts.entries.adopt(former, stateAfter(former));
    if (entry === null || this.#isKnown(entry)) return entry;
    this.#parts.entries.remove(entry, this.#parts.entries.connections.id(entry));
    return null;
  }

  /** Its giver and its addresses are still the same. */
  #isKnown(entry: number): boolean {
    const { connections } = this.#parts.entries;
    const binding = this.#parts.bindings.at(connections.record16(entry, L.RECORD_SERVICE));
    const giver = this.#parts.giverAt(connections.record16(entry, L.RECORD_SERVER));
    if (!binding || !giver) return false;
    const isThere = sameAddress(binding.handoff, connections.local(entry));
    return isThere && sameAddress(binding.service, connections.server(entry));
  }

  #resume(entry: number, former: FormerEntry, nowMs: number): void {
    const { entries } = this.#parts;
    const state = entries.connections.state(entry);
    if (state === L.STATE_FORWARD) this.#unsure.push(entry);
    if (state === L.STATE_REPLAYING) this.#underWay.push(entry);
    if (state === L.STATE_CLOSED && stateOf(former) !== state) {
      this.#endings.closed(entry, nowMs);
    }
    if (entries.terminal(entry) !== 0 && state !== L.STATE_REPLAYING) {
      this.#outcomes.resume(entry, this.#giver(entry), nowMs);
    }
  }

  #giver(entry: number): Giver {
    const { entries, giverAt } = this.#parts;
    return giverAt(entries.connections.record16(entry, L.RECORD_SERVER))!;
  }

  /** Nobody's already: its kernel may not have heard of that. */
  #finishRelease(entry: number, nowMs: number): void {
    const { connections } = this.#parts.entries;
    this.#parts.entries.over(entry);
    this.#outcomes.resume(entry, this.#giver(entry), nowMs);
    const guesses = [connections.record32(entry, L.RECORD_CLIENT_NEXT)];
    this.#kills.begin(entry, { guesses }, nowMs);
  }

  /** What its replay had come to is not known: the kernel says what it got, and forgets it. */
  #takeFromKernel(entry: number, nowMs: number): void {
    const giver = this.#giver(entry);
    const { connections } = this.#parts.entries;
    const isn = connections.record32(entry, L.RECORD_CLIENT_ISN);
    const guesses = [connections.record32(entry, L.RECORD_CLIENT_NEXT), advance(isn, 1)];
    const told = ({ confirmed, acknowledged }: KillResult) => {
      const delivered = confirmed && acknowledged === 0 ? 'no' : 'maybe';
      this.#endings.fail({ entry, giver }, delivered, 'the agent was restarted', nowMs);
    };
    this.#kills.begin(entry, { guesses, told, tellMs: nowMs + VERDICT_MS }, nowMs);
  }
}

function stateOf({ entry }: FormerEntry): number {
  return new DataView(entry.buffer, entry.byteOffset).getUint32(L.ENTRY_STATE, true);
}

/** Held packets are lost with their process; without them nothing keeps a connection from FORWARD. */
function stateAfter(former: FormerEntry): number {
  const state = stateOf(former);
  const { entry } = former;
  const view = new DataView(entry.buffer, entry.byteOffset);
  if (state === L.STATE_CLOSED || state === L.STATE_REPLAYING) return state;
  const flags = view.getUint32(L.ENTRY_FLAGS, true);
  return (flags & BOTH_FINS_ACKED) === BOTH_FINS_ACKED ? L.STATE_CLOSED : L.STATE_FORWARD;
}
