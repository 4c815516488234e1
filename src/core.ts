import { HEADER_LAYOUT_VERSION, LAYOUT_VERSION } from '../assembly/layout.ts';
import { readCore } from './beside.ts';
import { createMemory, memoryMap, writeMemoryMap } from './memory-map.ts';
import type { MemoryMapOptions } from './memory-map.ts';

/** release and debug share a memory between threads; single is for one thread. */
export type CoreBuild = 'release' | 'debug' | 'single';

const FILES: Record<CoreBuild, string> = {
  release: 'core.wasm',
  debug: 'core-debug.wasm',
  single: 'core-single.wasm',
};

/** The exports of assembly/index.ts as they are: u32 results come as signed numbers. */
interface CoreExports {
  layoutVersion: WebAssembly.Global;
  initialise(): void;
  nextOwner(): number;
  forward(worker: number, count: number, nowMs: number): number;
  forwardHeld(worker: number, slot: number, entry: number, nowMs: number): number;
  lookup(tuple: number): number;
  insert(owner: number, template: number): number;
  update(
    owner: number,
    entry: number,
    idRun: number,
    idCounter: number,
    template: number,
    what: number,
  ): number;
  held(owner: number, entry: number, idRun: number, idCounter: number, count: number): number;
  release(
    owner: number,
    entry: number,
    idRun: number,
    idCounter: number,
    sequence: number,
    acked: number,
    requests: number,
  ): number;
  rest(
    owner: number,
    from: number,
    count: number,
    seenBefore: number,
    list: number,
    limit: number,
  ): number;
  remove(owner: number, entry: number, idRun: number, idCounter: number): number;
  sweep(
    owner: number,
    from: number,
    count: number,
    nowMs: number,
    idleTimeoutMs: number,
    list: number,
    limit: number,
  ): number;
  reclaim(owner: number, from: number, count: number, beforeMs: number): number;
  releaseOwner(owner: number, dead: number): number;
  parseHead(address: number, length: number, out: number): number;
  parseHello(address: number, length: number, out: number): number;
  hashTarget(address: number, length: number): number;
  checksumPacket(packet: number, length: number): void;
  verifyPacket(packet: number, length: number): number;
  cookieMake(
    tuple: number,
    clientIsn: number,
    mss: number,
    scale: number,
    options: number,
    epoch: number,
  ): number;
  cookieCheck(tuple: number, clientIsn: number, isn: number): number;
  steer(tuple: number): number;
}

/** Compiles a build of the core, which stands beside the program. */
export async function compileCore(build: CoreBuild = 'release'): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readCore(FILES[build]));
}

/**
 * Binds a compiled core to a memory whose map is written (memory-map.ts). Throws when core, memory
 * and this program do not have the same layout.
 */
export function instantiateCore(module: WebAssembly.Module, memory: WebAssembly.Memory): Core {
  return new Core(instantiateExports(module, memory), memory);
}

/** What a module exports, bound to a memory; the debug build has more than Core shows. */
export function instantiateExports(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): WebAssembly.Exports {
  // the core's only call of the host is AssemblyScript's abort, in the debug build
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new Error(`core: assertion failed at ${line}:${column}`);
  };
  return new WebAssembly.Instance(module, { env: { memory, abort } }).exports;
}

/** A new memory with its map written, the core bound to it, and the pool of entries built. */
export async function createCore(
  options: MemoryMapOptions,
  build: CoreBuild = 'release',
): Promise<Core> {
  const module = await compileCore(build);
  const map = memoryMap(options);
  const memory = createMemory(map, build !== 'single');
  writeMemoryMap(memory, map);
  const core = instantiateCore(module, memory);
  core.initialise();
  return core;
}

/** The data plane: one method for each export of the core; addresses are bytes in `memory`. */
export class Core {
  readonly memory: WebAssembly.Memory;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** for Atomics */
  readonly words: Int32Array;
  readonly #exports: CoreExports;

  constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory) {
    this.#exports = exports as unknown as CoreExports;
    this.memory = memory;
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    const compiled = Number(this.#exports.layoutVersion.value);
    const written = this.view.getUint32(HEADER_LAYOUT_VERSION, true);
    if (compiled !== LAYOUT_VERSION || written !== LAYOUT_VERSION) {
      throw new Error(
        `core: layout version ${LAYOUT_VERSION} expected, the core has ${compiled}, ` +
          `the memory ${written}: build again, and write the memory map before`,
      );
    }
  }

  /** Builds the pool of entries; once per memory. */
  initialise(): void {
    this.#exports.initialise();
  }

  /** A fresh owner of locks, 1..255. */
  nextOwner(): number {
    return this.#exports.nextOwner();
  }

  /** Runs a worker's slots 0..count-1; returns how many of them are to be transmitted. */
  forward(worker: number, count: number, nowMs: number): number {
    return this.#exports.forward(worker, count, nowMs);
  }

  /** Rewrites the packet in a slot (address) by an entry, whatever its state; returns a verdict. */
  forwardHeld(worker: number, slot: number, entry: number, nowMs: number): number {
    return this.#exports.forwardHeld(worker, slot, entry, nowMs) >>> 0;
  }

  /** Entry index of a tuple, or NO_ENTRY. */
  lookup(tuple: number): number {
    return this.#exports.lookup(tuple) >>> 0;
  }

  /**
   * Entry index; NO_ENTRY: no room (or no room in GATHERING); 0x80000000 + index: exists already;
   * 0x7ffffffe: the bucket stayed locked.
   */
  insert(owner: number, template: number): number {
    return this.#exports.insert(owner, template) >>> 0;
  }

  /** Changes what UPDATE_* name if the entry has this (old) handoff id; 1 = done. */
  update(
    owner: number,
    entry: number,
    idRun: number,
    idCounter: number,
    template: number,
    what: number,
  ): number {
    return this.#exports.update(owner, entry, idRun, idCounter, template, what);
  }

  /** `count` more held packets were sent or given up; 1 = done. */
  held(owner: number, entry: number, idRun: number, idCounter: number, count: number): number {
    return this.#exports.held(owner, entry, idRun, idCounter, count);
  }

  /** Takes a connection from its server if that has answered all; RELEASE_*, see assembly/index.ts. */
  release(
    owner: number,
    entry: number,
    id: { run: number; counter: number },
    asked: { sequence: number; acked: number; requests: number },
  ): number {
    const { sequence, acked, requests } = asked;
    return this.#exports.release(owner, entry, id.run, id.counter, sequence, acked, requests);
  }

  /**
   * Sets FLAG_AT_BOUNDARY of those of `count` entries that are between two requests and were seen last
   * before that second; writes their indexes to `list` (u32, at most `limit`), returns how many.
   */
  rest(
    owner: number,
    from: number,
    count: number,
    seenBefore: number,
    list: number,
    limit: number,
  ): number {
    return this.#exports.rest(owner, from, count, seenBefore, list, limit);
  }

  /** Takes an entry out if it has this handoff id; 1 = done. */
  remove(owner: number, entry: number, idRun: number, idCounter: number): number {
    return this.#exports.remove(owner, entry, idRun, idCounter);
  }

  /**
   * Looks at `count` entries: removes what is over, writes to `list` the indexes (u32, at most
   * `limit`) that control must act on, and returns how many. It ends early when the list is full.
   */
  sweep(
    owner: number,
    from: number,
    count: number,
    nowMs: number,
    idleTimeoutMs: number,
    list: number,
    limit: number,
  ): number {
    return this.#exports.sweep(owner, from, count, nowMs, idleTimeoutMs, list, limit);
  }

  /** Of `count` entries, removes those that are over and would be swept by `beforeMs`; how many. */
  reclaim(owner: number, from: number, count: number, beforeMs: number): number {
    return this.#exports.reclaim(owner, from, count, beforeMs) >>> 0;
  }

  /** Frees all that a dead owner holds; returns how many connections were lost by it. */
  releaseOwner(owner: number, dead: number): number {
    return this.#exports.releaseOwner(owner, dead) >>> 0;
  }

  /** Length of the request head, result at `out` (HEAD_*); 0: incomplete; < 0: -HEAD_ERROR_*. */
  parseHead(address: number, length: number, out: number): number {
    return this.#exports.parseHead(address, length, out);
  }

  /**
   * Length of a ClientHello's records, 0 when it is incomplete, -HELLO_ERROR_* when it is refused. The
   * bytes are changed: see assembly/parse/client-hello.ts.
   */
  parseHello(address: number, length: number, out: number): number {
    return this.#exports.parseHello(address, length, out);
  }

  hashTarget(address: number, length: number): number {
    return this.#exports.hashTarget(address, length) >>> 0;
  }

  /** Sets full IP and TCP checksums. */
  checksumPacket(packet: number, length: number): void {
    this.#exports.checksumPacket(packet, length);
  }

  /** 1 = lengths and checksums are right. */
  verifyPacket(packet: number, length: number): number {
    return this.#exports.verifyPacket(packet, length);
  }

  /** The ISN of a SYN-ACK that is a cookie. */
  cookieMake(
    tuple: number,
    clientIsn: number,
    mss: number,
    scale: number,
    options: number,
    epoch: number,
  ): number {
    return this.#exports.cookieMake(tuple, clientIsn, mss, scale, options, epoch) >>> 0;
  }

  /** 0, or 0x80000000 + (mss | scale << 16 | OPTION_* << 24). */
  cookieCheck(tuple: number, clientIsn: number, isn: number): number {
    return this.#exports.cookieCheck(tuple, clientIsn, isn) >>> 0;
  }

  /** Keyed hash of a tuple's client address and port, for the choice of a worker. */
  steer(tuple: number): number {
    return this.#exports.steer(tuple) >>> 0;
  }
}
