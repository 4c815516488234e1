// All interleavings of each scene, judged: results by a plain map (order.ts), the memory at the end by
// what the layout promises.
import * as L from '../../assembly/layout.ts';
import { explore, type Explorer, type Outcome } from './explorer.ts';
import { fault, Words } from './order.ts';
import { stage, type Scene } from './scene.ts';

const MOST_STATES = 60_000_000;

export interface SceneVerdict {
  outcomes: number;
  states: number;
  complete: boolean;
  /** the first thing that is wrong, with the schedule that leads there; '' when nothing is */
  error: string;
}

interface Places {
  bucket: number;
  entry(index: number): number;
  id(index: number): number;
  room: number;
}

function places(image: Uint8Array): Places {
  const view = new DataView(image.buffer);
  const entries = view.getUint32(L.HEADER_ENTRY_BASE, true);
  const records = view.getUint32(L.HEADER_RECORD_BASE, true);
  return {
    bucket: view.getUint32(L.HEADER_BUCKET_BASE, true),
    entry: (index) => entries + index * L.ENTRY_SIZE,
    id: (index) => records + index * L.RECORD_SIZE + L.RECORD_ID_COUNTER,
    room: view.getUint32(L.HEADER_ENTRY_COUNT, true),
  };
}

/** The indexes along a list that begins with `first`; undefined when it has no end. */
function follow(words: Words, at: Places, first: number): number[] | undefined {
  const indexes: number[] = [];
  for (let next = first; next !== 0; next = words.at(at.entry(next - 1) + L.ENTRY_NEXT)) {
    if (next > at.room || indexes.includes(next - 1)) return undefined;
    indexes.push(next - 1);
  }
  return indexes;
}

function portOf(word: number): number {
  return ((word & 0xff) << 8) | ((word >> 8) & 0xff);
}

function isLinked(state: number): boolean {
  return state >= L.STATE_GATHERING && state <= L.STATE_UNPROVEN;
}

function wrongPool(words: Words, at: Places, chain: number[], free: number[]): string {
  for (let index = 0; index < at.room; index += 1) {
    const state = words.at(at.entry(index) + L.ENTRY_STATE);
    if (isLinked(state) !== chain.includes(index))
      return `entry ${index}: state ${state}, chain ${chain}`;
    // what the dead had reserved is free by now
    const isFree = free.includes(index);
    if ((state === L.STATE_FREE) !== isFree || isFree === chain.includes(index)) {
      return `entry ${index} is lost or twice there: state ${state.toString(16)}, free ${free}`;
    }
  }
  const states = chain.map((index) => words.at(at.entry(index) + L.ENTRY_STATE));
  const halfOpen = states.filter((state) => state === L.STATE_GATHERING).length;
  const counted = words.at(L.HEADER_HALF_OPEN_COUNT);
  if (counted !== halfOpen) return `${counted} half-open counted, ${halfOpen} there`;
  if (words.at(L.HEADER_UNPROVEN_COUNT) !== 0) return 'unproven counted, none there';
  if (words.at(L.HEADER_FREE_COUNT) !== free.length) return 'free count';
  return '';
}

function judge(scene: Scene, outcome: Outcome, dumped: number[], at: Places): string {
  const words = new Words(dumped, outcome.memory);
  if ((words.at(at.bucket + L.BUCKET_VERSION) & L.VERSION_LOCKED) !== 0)
    return 'the bucket is locked';
  if (words.at(L.HEADER_FREE_LOCK) !== 0) return 'the pool is locked';
  const chain = follow(words, at, words.at(at.bucket + L.BUCKET_HEAD));
  const free = follow(words, at, words.at(L.HEADER_FREE_HEAD));
  if (!chain || !free) return 'a list is no list';
  const found = new Map(
    chain.map((entry) => [
      portOf(words.at(at.entry(entry) + L.ENTRY_CLIENT_PORT) & 0xffff),
      { entry, generation: words.at(at.id(entry)) },
    ]),
  );
  if (found.size !== chain.length) return `a key twice in the chain ${chain}`;
  for (const { entry, generation } of found.values()) {
    // 10.81.generation.1
    const server = words.at(at.entry(entry) + L.ENTRY_SERVER_ADDRESS4);
    if (((server >> 16) & 0xff) !== generation) return `entry ${entry} of two generations`;
  }
  return fault(scene, outcome, found) || wrongPool(words, at, chain, free);
}

/** `000112` as `0x3 1x2 2`. */
function short(schedule: string): string {
  return [...schedule.matchAll(/(.)\1*/g)]
    .map(([run, who]) => (run.length > 1 ? `${who}x${run.length}` : who))
    .join(' ');
}

export async function checkScene(
  explorer: Explorer,
  scene: Scene,
  limitMs: number,
): Promise<SceneVerdict> {
  const { image, scenario, dumped } = await stage(scene, MOST_STATES);
  const { outcomes, states, complete } = explore(explorer, image, scenario, limitMs);
  const at = places(image);
  let error = '';
  for (const outcome of outcomes) {
    const wrong = judge(scene, outcome, dumped, at);
    if (wrong === '') continue;
    error = `${wrong} (steps ${short(outcome.schedule)})`;
    break;
  }
  return { outcomes: outcomes.length, states, complete, error };
}
