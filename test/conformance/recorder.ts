// Writes vectors: what is written into the memory, what is called, and what came of it.
import * as L from '../../assembly/layout.ts';
import { compileCore, Core, instantiateExports } from '../../src/core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import type { MemoryMapOptions } from '../../src/memory-map.ts';
import { digest, toHex } from './play.ts';

export const PAGES = 16;
const PAGE = 65536;
/** Changed bytes that are no farther from each other are written in one line. */
const GAP = 8;

type Calls = Record<string, (...values: number[]) => number | undefined>;

/** Records one section after another; each has a core on a memory of its own. */
export class Recorder {
  readonly lines: string[] = [`layout ${L.LAYOUT_VERSION}`, `pages ${PAGES}`];
  #module: WebAssembly.Module | undefined;
  #shadow = new Uint8Array(0);
  #calls: Calls = {};
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
    this.lines.push('', `== ${name}`);
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
    const words = [name, ...values.map(String), '=', result, digest(this.#shadow)];
    this.lines.push(`c ${words.join(' ')}`);
    return (returned ?? 0) >>> 0;
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
