// The parsers that heads are given to. Each takes a set of them, and says how many it has read.
import { createRequire } from 'node:module';
import * as L from '../../assembly/layout.ts';
import { createCore, type Core } from '../../src/core.ts';
import { LLHTTP_REQUEST, loadLlhttp } from './llhttp.ts';

export interface Parser {
  form: string;
  version?: string;
  /** Puts the heads where the parser wants them; what it returns reads each once: how many were right. */
  take(heads: readonly Buffer[]): () => number;
}

const require = createRequire(import.meta.url);
const ALIGNMENT = 64; // of a head in memory: a packet's data begins anywhere, so nobody gains by it
const ROOM = 1 << 20;

/** Where the heads stand one behind another, from `base` on, in `memory`. */
function lay(heads: readonly Buffer[], memory: Uint8Array, base: number): number[] {
  let at = base;
  return heads.map((head) => {
    const place = at;
    memory.set(head, place);
    at += Math.ceil(head.length / ALIGNMENT) * ALIGNMENT;
    if (at > base + ROOM) throw new Error('bench: no room for the heads');
    return place;
  });
}

/** The core of a switch: release build, memory shared between threads, its packet slots hold the heads. */
async function coreOfSwitch(): Promise<{ core: Core; base: number }> {
  const seeds: [bigint, bigint] = [1n, 2n];
  const core = await createCore({
    role: 'switch',
    connections: 2048,
    workers: 1,
    slots: 512,
    seeds,
  });
  const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
  return { core, base: core.view.getUint32(worker + L.WORKER_SLOT_BASE, true) };
}

/** The head stands in the core's memory already. */
function inPlace({ core, base }: { core: Core; base: number }): Parser {
  return {
    form: 'core',
    take(heads) {
      const places = lay(heads, core.bytes, base);
      const lengths = heads.map(({ length }) => length);
      return () => {
        let right = 0;
        for (let index = 0; index < places.length; index += 1) {
          const length = lengths[index]!;
          if (core.parseHead(places[index]!, length, L.CONTROL_HEAD) === length) right += 1;
        }
        return right;
      };
    },
  };
}

/** As the distributor does it: what was gathered is copied into the memory first. */
function copiedIn({ core }: { core: Core }): Parser {
  return {
    form: 'core, copied in',
    take: (heads) => () => {
      let right = 0;
      for (const head of heads) {
        core.bytes.set(head, L.CONTROL_BUFFER);
        const length = core.parseHead(L.CONTROL_BUFFER, head.length, L.CONTROL_HEAD);
        if (length === head.length) right += 1;
      }
      return right;
    },
  };
}

function llhttp(form: string, build: string): Parser {
  let read = 0;
  const exports = loadLlhttp(build, { wasm_on_headers_complete: () => ((read += 1), 0) });
  const parser = exports.llhttp_alloc(LLHTTP_REQUEST);
  const base = exports.malloc(ROOM);
  const { version } = require('undici/package.json') as { version: string };
  return {
    form,
    version: `undici ${version}`,
    take(heads) {
      const places = lay(heads, new Uint8Array(exports.memory.buffer), base);
      const lengths = heads.map(({ length }) => length);
      return () => {
        read = 0;
        for (let index = 0; index < places.length; index += 1) {
          if (exports.llhttp_execute(parser, places[index]!, lengths[index]!) !== 0) return -1;
        }
        return read;
      };
    },
  };
}

interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  [callback: number]: () => number;
}

/** What node:http parses with; it makes the strings of all fields. */
function native(): Parser {
  const { HTTPParser } = require('_http_common') as {
    HTTPParser: { new (): NodeParser; REQUEST: number; kOnHeadersComplete: number };
  };
  let read = 0;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  parser[HTTPParser.kOnHeadersComplete] = () => ((read += 1), 0);
  return {
    form: "Node's http_parser",
    version: `llhttp ${process.versions['llhttp']}, Node ${process.versions.node}`,
    take: (heads) => () => {
      read = 0;
      for (const head of heads) if (parser.execute(head) !== head.length) return -1;
      return read;
    },
  };
}

export async function allParsers(): Promise<Parser[]> {
  const memory = await coreOfSwitch();
  return [
    inPlace(memory),
    copiedIn(memory),
    llhttp('llhttp Wasm, SIMD', 'llhttp_simd'),
    llhttp('llhttp Wasm', 'llhttp'),
    native(),
  ];
}
