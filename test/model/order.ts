// What outcomes may be: each is compared with a plain map that the calls change one after the other, in
// some order in which no call comes before one that had ended when it began (Herlihy and Wing,
// "Linearizability", 1990). A call under way when its thread died happened, or did not.
import * as L from '../../assembly/layout.ts';
import type { Called, Outcome } from './explorer.ts';
import { headOf, NO_SERVER, type Call, type Scene } from './scene.ts';

/** A connection of the plain map. Its entry is not known before a call tells it. */
interface Plain {
  entry: number | undefined;
  generation: number;
  state: number;
}

type PlainTable = ReadonlyMap<number, Plain>;

interface Event extends Called {
  thread: number;
  index: number;
  call: Call;
  pending: boolean;
}

const EXISTS = 0x8000_0000;

function withConnection(table: PlainTable, key: number, plain: Plain): PlainTable {
  return new Map([...table, [key, plain]]);
}

function without(table: PlainTable, key: number): PlainTable {
  return new Map([...table].filter(([other]) => other !== key));
}

function equal(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** The table after the entry of a key was told; undefined when it is another one. */
function told(table: PlainTable, key: number, entry: number): PlainTable | undefined {
  const plain = table.get(key)!;
  if (plain.entry === entry) return table;
  if (plain.entry !== undefined) return undefined;
  return withConnection(table, key, { ...plain, entry });
}

function keyOf(table: PlainTable, entry: number, generation: number): number | undefined {
  for (const [key, plain] of table) {
    const isIt = plain.entry === undefined || plain.entry === entry;
    if (isIt && plain.generation === generation) return key;
  }
  return undefined;
}

function insert(table: PlainTable, event: Event, room: number): PlainTable | undefined {
  const { call, result, pending } = event;
  if (call.name !== 'insert') return undefined;
  const { key, generation, state = L.STATE_FORWARD } = call;
  const fresh = { entry: pending ? undefined : result, generation, state };
  if (table.has(key)) {
    if (pending) return table;
    return result >= EXISTS && result !== L.NO_ENTRY
      ? told(table, key, result - EXISTS)
      : undefined;
  }
  if (pending) return withConnection(table, key, fresh);
  if (result === L.NO_ENTRY) return room === 0 ? table : undefined;
  const isTaken = [...table.values()].some(({ entry }) => entry === result);
  return isTaken || result >= EXISTS ? undefined : withConnection(table, key, fresh);
}

/** By handoff id; what the call says must be whether it was there. */
function change(table: PlainTable, event: Event): PlainTable | undefined {
  const { call, result, pending } = event;
  if (call.name !== 'update' && call.name !== 'remove') return undefined;
  const from = call.name === 'update' ? call.from : call.generation;
  const key = keyOf(table, call.entry, from);
  if (!pending && result !== (key === undefined ? 0 : 1)) return undefined;
  if (key === undefined) return table;
  if (call.name === 'remove') return without(table, key);
  return withConnection(table, key, { ...table.get(key)!, entry: call.entry, generation: call.to });
}

/** The table after a call with this result; undefined when it cannot have had it. */
function apply(table: PlainTable, event: Event, scene: Scene): PlainTable | undefined {
  const { call, result, pending } = event;
  if (call.name === 'insert') return insert(table, event, Math.max(0, scene.room - mostOf(scene)));
  if (call.name === 'update' || call.name === 'remove') return change(table, event);
  if (pending) return table; // a reader that died
  if (call.name === 'lookup') {
    if (!table.has(call.key)) return result === L.NO_ENTRY ? table : undefined;
    return told(table, call.key, result);
  }
  if (call.name === 'forward') {
    const plain = table.get(call.key);
    const forwards = plain !== undefined && plain.state === L.STATE_FORWARD;
    const head = headOf(call.key, forwards ? plain.generation : NO_SERVER);
    return result === (forwards ? 1 : 0) && equal(event.seen, head) ? table : undefined;
  }
  // what stood in the bucket of the dead is lost, or it held none
  if (result === table.size) return new Map();
  return result === 0 ? table : undefined;
}

/** Connections that the scene may have at a time, at most. */
function mostOf(scene: Scene): number {
  const calls = scene.threads.flatMap((thread) => thread.calls);
  return scene.present.length + calls.filter(({ name }) => name === 'insert').length - 1;
}

function eventsOf(scene: Scene, outcome: Outcome): Event[] {
  return outcome.threads.flatMap(({ calls, finished }, thread) =>
    calls.map((called, index) => {
      const call = scene.threads[thread]!.calls[index]!;
      return { ...called, thread, index, call, pending: index >= finished };
    }),
  );
}

function mayBeNext(event: Event, left: Event[]): boolean {
  return left.every(
    (other) =>
      other === event ||
      (other.thread === event.thread
        ? other.index > event.index
        : other.pending || event.before[other.thread]! <= other.index),
  );
}

/** Some order of the calls explains the results and leads to a table that `fits`. */
function explains(
  scene: Scene,
  table: PlainTable,
  left: Event[],
  fits: (table: PlainTable) => boolean,
): boolean {
  if (left.every(({ pending }) => pending) && fits(table)) return true;
  for (const event of left) {
    if (!mayBeNext(event, left)) continue;
    const next = apply(table, event, scene);
    const others = left.filter((other) => other !== event);
    if (next && explains(scene, next, others, fits)) return true;
  }
  return false;
}

/** The words of an outcome's memory, by their address. */
export class Words {
  readonly #values: Map<number, number>;

  constructor(dumped: number[], memory: number[]) {
    this.#values = new Map(dumped.map((at, index) => [at, memory[index]!]));
  }

  at(address: number): number {
    const value = this.#values.get(address);
    if (value === undefined) throw new Error(`the word at ${address} was not dumped`);
    return value;
  }
}

/** What is wrong with an outcome; '' when nothing is. `found` is what stands in the chain at its end. */
export function fault(
  scene: Scene,
  outcome: Outcome,
  found: ReadonlyMap<number, { entry: number; generation: number }>,
): string {
  const stuck = outcome.threads.findIndex(({ end }) => end === 'stuck');
  if (stuck >= 0) return `thread ${stuck} waits for ever`;
  const before = new Map(
    scene.present.map((key, entry): [number, Plain] => [
      key,
      { entry, generation: 1, state: L.STATE_FORWARD },
    ]),
  );
  const fits = (table: PlainTable): boolean =>
    table.size === found.size &&
    [...table].every(([key, { entry, generation }]) => {
      const real = found.get(key);
      return real?.generation === generation && (entry === undefined || real.entry === entry);
    });
  if (explains(scene, before, eventsOf(scene, outcome), fits)) return '';
  const calls = eventsOf(scene, outcome).map(({ thread, call, result, pending, seen }) => {
    const words = seen.map((word) => word.toString(16)).join(' ');
    const what = pending ? 'died' : `= ${result.toString(16)} ${words}`;
    return `${thread} ${JSON.stringify(call)} ${what}`;
  });
  const left = [...found].map(([key, { entry, generation }]) => `${key}@${entry}:${generation}`);
  return `no order explains ${calls.join('; ')}; at the end ${left.join(' ')}`;
}
