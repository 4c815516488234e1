// Writes vectors: what is written into the memory, what is called, and what came of it.
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import { compileCore, Core, instantiateExports } from '../../src/core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import type { MemoryMapOptions } from '../../src/memory-map.ts';
import { digest, toHex, type Place } from './play.ts';

export const PAGES = 16;
const PAGE = 65536;
/** Changed bytes that are no farther from each other are written in one line. */
const GAP = 8;

/** What docs/embedding.md calls private, of a slot and of a worker's record: from here up to there. */
const OF_SLOT = [[L.SLOT_BUCKET, L.SLOT_VNET]] as const;
const OF_WORKER = [
  [L.WORKER_SECOND, L.WORKER_THREAD],
  [L.WORKER_ECHO_SECOND, L.WORKER_ECHOES + 4],
  [L.WORKER_SCRATCH, L.WORKER_SIZE],
] as const;

function privatePlaces(core: Core): Place[] {
  const { view } = core;
  const word = (at: number): number => view.getUint32(at, true);
  const places: Place[] = [{ address: L.CONTROL_HEAD, length: C.HEAD_SIZE }];
  const add = (base: number, parts: readonly (readonly [number, number])[]): void => {
    for (const [from, to] of parts) places.push({ address: base + from, length: to - from });
  };
  for (let index = 0; index < word(L.HEADER_WORKER_COUNT); index += 1) {
    const worker = word(L.HEADER_WORKER_BASE) + index * L.WORKER_SIZE;
    add(worker, OF_WORKER);
    for (let slot = 0; slot < word(worker + L.WORKER_SLOT_COUNT); slot += 1) {
      add(word(worker + L.WORKER_SLOT_BASE) + slot * word(worker + L.WORKER_SLOT_STRIDE), OF_SLOT);
    }
  }
  return places;
}

type Calls = Record<string, (...values: number[]) => number | undefined>;

/** Records one section after another; each has a core on a memory of its own. */
export class Recorder {
  readonly lines: string[] = [`layout ${L.LAYOUT_VERSION}`, `pages ${PAGES}`];
  #module: WebAssembly.Module | undefined;
  #shadow = new Uint8Array(0);
  #calls: Calls = {};
  #unseen: Place[] = [];
  /** of the present section */
  core!: Core;

  /** Begins with this memory. */
  async section(name: string, image: Uint8Array): Promise<void> {
    this.#module ??= await compileCore('single');
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    if (image.length > PAGES * PAGE) throw new Error(`${name}: ${image.length} bytes are too many`);
    new Uint8Array(memory.buffer).set(image);
    const exports = instantiateExports(this.#module, memory);
    this.#calls = exports as unknown as Calls;
    this.core = new Core(exports, memory);
    this.#shadow = new Uint8Array(PAGES * PAGE);
    this.#unseen = privatePlaces(this.core);
    const unseen = this.#unseen.map(
      ({ address, length }) => `p ${address.toString(16)} ${length.toString(16)}`,
    );
    this.lines.push('', `== ${name}`, ...unseen);
  }

  note(text: string): void {
    this.lines.push(`# ${text}`);
  }

  /** What was written since the last step, then the call. */
  call(name: string, ...values: number[]): number {
    this.written();
    const returned = this.#calls[name]!(...values);
    this.#shadow = this.core.bytes.slice();
    const result = returned === undefined ? '-' : String(returned >>> 0);
    const words = [name, ...values.map(String), '=', result, digest(this.#shadow, this.#unseen)];
    this.lines.push(`c ${words.join(' ')}`);
    return (returned ?? 0) >>> 0;
  }

  /** What is there now, which each host must come to. */
  read(address: number, length: number): void {
    const there = this.core.bytes.subarray(address, address + length);
    this.lines.push(`r ${address.toString(16)} ${toHex(there)}`);
  }

  written(): void {
    const { bytes } = this.core;
    let from = -1;
    let last = -1;
    const end = (): void => {
      if (from >= 0) this.lines.push(write(from, bytes.subarray(from, last + 1)));
      from = -1;
    };
    for (let at = 0; at < bytes.length; at += 1) {
      if (bytes[at] === this.#shadow[at]) continue;
      if (from >= 0 && at - last > GAP) end();
      if (from < 0) from = at;
      last = at;
    }
    end();
    this.#shadow = bytes.slice();
  }
}

/** The line that writes these bytes. */
export function write(address: number, bytes: Uint8Array): string {
  return `w ${address.toString(16)} ${toHex(bytes)}`;
}

/** A memory with its map written; nothing is initialised. */
export function mapped(options: Partial<MemoryMapOptions>): Uint8Array {
  const map = memoryMap({
    role: 'switch',
    connections: 64,
    workers: 1,
    slots: 4,
    toControlBytes: 4096,
    fromControlBytes: 4096,
    seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
    services: [{ address: Uint8Array.of(192, 0, 2, 80), port: 80 }],
    ...options,
  });
  const memory = createMemory(map, false);
  writeMemoryMap(memory, map);
  return new Uint8Array(memory.buffer);
}
