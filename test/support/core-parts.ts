import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Core } from '../../src/core.ts';

/** Exports of assembly/parts.ts. Addresses are byte addresses; u32 results need >>> 0. */
export interface PartExports extends Pick<
  Core,
  | 'checksumPacket'
  | 'cookieCheck'
  | 'cookieMake'
  | 'hashTarget'
  | 'parseHead'
  | 'parseHello'
  | 'verifyPacket'
> {
  toServerSwitch(packet: number, tcp: number, vnet: number, entry: number): void;
  toServerAgent(packet: number, tcp: number, end: number, vnet: number, entry: number): void;
  toClientAgent(packet: number, tcp: number, end: number, vnet: number, entry: number): void;
  hashWords(key0: bigint, key1: bigint, count: number, ...words: bigint[]): bigint;
  cookieAnswer(
    packet: number,
    tcp: number,
    end: number,
    vnet: number,
    service: number,
    nowMs: number,
  ): number;
  cookieCheckPacket(packet: number, tcp: number, end: number): number;
  prepareDeltas(entry: number, role: number): void;
  updateChecksum(field: number, old: number, fresh: number): void;
  takeResponse(record: number, from: number, end: number): void;
  /** 0 in mid-response, 1 between them, 2 nothing more is read, 3 upgraded */
  responseState(record: number): number;
  /** 1 when the bytes need not be read */
  skipResponse(record: number, count: number): number;
}

export interface CoreParts extends PartExports {
  bytes: Uint8Array;
  view: DataView;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGES = 16;

/** Compiles the parts when they are older than their sources; build/ holds them. */
function compile(): string {
  const file = `${root}build/core-parts.wasm`;
  const sources = readdirSync(`${root}assembly`, { recursive: true })
    .map((name) => `${root}assembly/${String(name)}`)
    .filter((name) => name.endsWith('.ts'));
  const newest = Math.max(...sources.map((name) => statSync(name).mtimeMs));
  if (existsSync(file) && statSync(file).mtimeMs > newest) return file;
  const fresh = `${file}.${process.pid}`;
  const asc = `${root}node_modules/assemblyscript/bin/asc.js`;
  const options = ['--config', 'asconfig.json', '--target', 'single', '--outFile', fresh];
  execFileSync(process.execPath, [asc, 'assembly/parts.ts', ...options], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  renameSync(fresh, file);
  return file;
}

/** The core's inner parts, on a memory of their own (1 MiB, zeros). */
export function loadParts(): CoreParts {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: 32768 });
  const module = new WebAssembly.Module(readFileSync(compile()));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return {
    ...(exports as unknown as PartExports),
    bytes: new Uint8Array(memory.buffer),
    view: new DataView(memory.buffer),
  };
}
