// Plays the vectors (vectors.txt) against a core, in any runtime: nothing of a host is used here.
//
// One step a line:
//   # text                     what follows is about
//   layout N  pages N          the layout version; the memory's size
//   == NAME                    a section: the memory is all zeroes again
//   -- thread N TIMES          the steps up to the next -- are one thread's, played so often
//   -- together                all threads so far, at the same time; then the section goes on
//   p ADDRESS LENGTH           bytes that the core promises nobody: digests from here on see zeroes there
//   w ADDRESS HEX              writes bytes
//   r ADDRESS HEX              these bytes are there
//   c NAME ARGUMENT... = RESULT [DIGEST]
//                              calls an export. RESULT: a u32, "-" for none, "*" for any, "!N" for any but N;
//                              "$" as an argument is the newest result of the thread. DIGEST: of all but p
//   ( ... )                    in a thread: again until all in it is so (another thread may have a lock)
//   t ADDRESS LENGTH TIMES COUNT c ...
//                              calls so often, after each the bytes as before; COUNT packets each
// Numbers of p, w, r, t and digests are hexadecimal, all others decimal.

/** A core on a memory. */
export interface Machine {
  bytes: Uint8Array;
  exports: Record<string, unknown>;
}

export interface Section {
  name: string;
  steps: string[];
  threads: { times: number; steps: string[] }[];
  after: string[];
}

export interface Vectors {
  layout: number;
  pages: number;
  sections: Section[];
}

export interface Played {
  /** steps that check something */
  checked: number;
  /** those that did not come out as they should, as text */
  wrong: string[];
  nsPerPacket: number | undefined;
}

const MOST_TRIES = 100_000;
const MOST_WRONG = 20;

export function parseVectors(text: string): Vectors {
  const vectors: Vectors = { layout: 0, pages: 0, sections: [] };
  let into: string[] = [];
  for (const line of text.split('\n')) {
    const words = line.split(' ');
    const section = vectors.sections.at(-1);
    if (line === '' || line.startsWith('#')) continue;
    if (words[0] === 'layout') vectors.layout = Number(words[1]);
    else if (words[0] === 'pages') vectors.pages = Number(words[1]);
    else if (words[0] === '==') {
      into = [];
      vectors.sections.push({ name: line.slice(3), steps: into, threads: [], after: [] });
    } else if (words[0] === '--' && section) {
      const thread = { times: Number(words[3]), steps: [] };
      if (words[1] === 'thread') section.threads.push(thread);
      into = words[1] === 'thread' ? thread.steps : section.after;
    } else into.push(line);
  }
  return vectors;
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A part of the memory that no digest sees. */
export interface Place {
  address: number;
  length: number;
}

/** FNV-1a over the memory's words, each as four bytes at once. */
export function digest(bytes: Uint8Array, unseen: readonly Place[]): string {
  const kept = unseen.map(({ address, length }) => bytes.slice(address, address + length));
  for (const { address, length } of unseen) bytes.fill(0, address, address + length);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  let sum = 2166136261;
  for (const word of words) sum = Math.imul(sum ^ word, 16777619);
  unseen.forEach(({ address }, index) => bytes.set(kept[index]!, address));
  return (sum >>> 0).toString(16).padStart(8, '0');
}

/** Plays steps on one machine, in one thread. */
export class Player {
  readonly played: Played = { checked: 0, wrong: [], nsPerPacket: undefined };
  readonly #machine: Machine;
  readonly #unseen: Place[] = [];
  #newest = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  play(steps: readonly string[]): void {
    for (let at = 0; at < steps.length; at += 1) {
      if (steps[at] !== '(') {
        this.#check(steps[at]!);
        continue;
      }
      const end = steps.indexOf(')', at);
      const group = steps.slice(at + 1, end);
      let wrong: string | undefined = 'never tried';
      for (let tries = 0; wrong !== undefined && tries < MOST_TRIES; tries += 1) {
        wrong = undefined;
        for (const step of group) wrong ??= this.#step(step);
      }
      this.#count(wrong);
      at = end;
    }
  }

  #check(step: string): void {
    const wrong = this.#step(step);
    if (!/^[pw]/.test(step)) this.#count(wrong);
  }

  #count(wrong: string | undefined): void {
    this.played.checked += 1;
    if (wrong !== undefined && this.played.wrong.length < MOST_WRONG) this.played.wrong.push(wrong);
  }

  /** What is wrong, if anything. */
  #step(step: string): string | undefined {
    const [kind, ...words] = step.split(' ');
    const { bytes } = this.#machine;
    if (kind === 'c') return this.#call(step, words);
    if (kind === 't') return this.#time(words);
    const at = Number.parseInt(words[0]!, 16);
    if (kind === 'p') {
      this.#unseen.push({ address: at, length: Number.parseInt(words[1]!, 16) });
      return undefined;
    }
    const given = fromHex(words[1]!);
    if (kind === 'w') bytes.set(given, at);
    const there = toHex(bytes.slice(at, at + given.length));
    return there === words[1] ? undefined : `${step}: ${there}`;
  }

  #call(step: string, [name, ...words]: string[]): string | undefined {
    const equals = words.indexOf('=');
    const values = words
      .slice(0, equals)
      .map((word) => (word === '$' ? this.#newest : Number(word)));
    const called = this.#machine.exports[name!] as (...values: number[]) => number | undefined;
    const returned = called(...values);
    const result = returned === undefined ? '-' : String(returned >>> 0);
    if (returned !== undefined) this.#newest = returned >>> 0;
    const [wanted = '', wantedDigest] = words.slice(equals + 1);
    const isRight =
      wanted === '*' || (wanted.startsWith('!') ? wanted.slice(1) !== result : wanted === result);
    if (!isRight) return `${step}: returned ${result}`;
    if (wantedDigest === undefined) return undefined;
    const found = digest(this.#machine.bytes, this.#unseen);
    return found === wantedDigest ? undefined : `${step}: memory ${found}`;
  }

  #time([address, length, times, count, , ...call]: string[]): string | undefined {
    const { bytes } = this.#machine;
    const at = Number.parseInt(address!, 16);
    const before = bytes.slice(at, at + Number.parseInt(length!, 16));
    const equals = call.indexOf('=');
    const values = call.slice(1, equals).map(Number);
    const called = this.#machine.exports[call[0]!] as (...values: number[]) => number;
    let sum = 0;
    const begin = performance.now();
    for (let time = 0; time < Number(times); time += 1) {
      sum += called(...values);
      bytes.set(before, at);
    }
    const ms = performance.now() - begin;
    this.played.nsPerPacket = (ms * 1e6) / Number(times) / Number(count);
    const wanted = Number(call[equals + 1]) * Number(times);
    return sum === wanted ? undefined : `${call.join(' ')}: ${sum}, not ${wanted} in all`;
  }
}

/** A thread's part: the same steps so often. */
export function playTimes(player: Player, steps: readonly string[], times: number): Played {
  for (let time = 0; time < times; time += 1) player.play(steps);
  return player.played;
}

/** Runs one thread's steps on the same memory and module, elsewhere. */
export type RunThread = (steps: string[], times: number) => Promise<Played>;

export interface Host {
  /** a fresh instance of the core on a memory of so many pages, all zeroes */
  machine: (pages: number) => Machine;
  /** missing: this host has no threads, and their sections are left out */
  runThread?: RunThread;
}

/** Plays all sections. Throws when the core has another layout than the vectors. */
export async function playAll(text: string, host: Host): Promise<Played & { threads: number }> {
  const { layout, pages, sections } = parseVectors(text);
  const all: Played & { threads: number } = {
    checked: 0,
    wrong: [],
    nsPerPacket: undefined,
    threads: 1,
  };
  const add = (name: string, { checked, wrong, nsPerPacket }: Played): void => {
    all.checked += checked;
    all.wrong.push(...wrong.map((text) => `${name}: ${text}`));
    all.nsPerPacket ??= nsPerPacket;
  };
  for (const { name, steps, threads, after } of sections) {
    if (threads.length > 0 && !host.runThread) continue;
    const machine = host.machine(pages);
    const compiled = Number((machine.exports['layoutVersion'] as WebAssembly.Global).value);
    if (compiled !== layout) throw new Error(`layout ${compiled}, the vectors have ${layout}`);
    const player = new Player(machine);
    player.play(steps);
    const run = threads.map((thread) => host.runThread!(thread.steps, thread.times));
    for (const played of await Promise.all(run)) add(name, played);
    all.threads = Math.max(all.threads, threads.length);
    player.play(after);
    add(name, player.played);
  }
  return all;
}
