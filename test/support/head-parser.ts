// The core's parser of request heads, called by text, and llhttp's beside it.
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import { LLHTTP_REQUEST, loadLlhttp } from '../../bench/parse/llhttp.ts';
import { loadParts } from './core-parts.ts';
import type { Head } from './head-model.ts';

const OUT = 1024;
const HEAD = 8192 + 3;
const GUARD = 16; // bytes behind the record that must stay as they are
const ROOM = C.HEAD_LIMIT + 64;

export interface HeadParser {
  /** What parseHead() returns for the text's first `length` bytes, `shift` bytes further in memory. */
  parse(text: string, length?: number, shift?: number): number;
  /** The record that parse() filled, as text. */
  found(text: string): Head;
}

export function headParser(): HeadParser {
  const core = loadParts();
  return {
    parse(text, length = text.length, shift = 0) {
      const head = HEAD + shift;
      core.bytes.fill(0xee, OUT, OUT + C.HEAD_SIZE + GUARD);
      core.bytes.fill(0x41, head, head + text.length + 64);
      core.bytes.set(Buffer.from(text.slice(0, length), 'latin1'), head);
      const result = core.parseHead(head, length, OUT);
      const guard = core.bytes.subarray(OUT + C.HEAD_SIZE, OUT + C.HEAD_SIZE + GUARD);
      assert.ok(guard.every((byte) => byte === 0xee));
      return result;
    },
    found(text) {
      const u16 = (field: number) => core.view.getUint16(OUT + field, true);
      const range = (offset: number, length: number) =>
        text.slice(u16(offset), u16(offset) + u16(length));
      const count = core.view.getUint32(OUT + C.HEAD_HEADER_COUNT, true);
      return {
        length: core.view.getUint32(OUT + C.HEAD_LENGTH, true),
        method: range(C.HEAD_METHOD_OFFSET, C.HEAD_METHOD_LENGTH),
        version: u16(C.HEAD_VERSION),
        target: range(C.HEAD_TARGET_OFFSET, C.HEAD_TARGET_LENGTH),
        path: range(C.HEAD_PATH_OFFSET, C.HEAD_PATH_LENGTH),
        query: u16(C.HEAD_QUERY_OFFSET)
          ? range(C.HEAD_QUERY_OFFSET, C.HEAD_QUERY_LENGTH)
          : undefined,
        host: range(C.HEAD_HOST_OFFSET, C.HEAD_HOST_LENGTH),
        flags: core.view.getUint32(OUT + C.HEAD_FLAGS, true),
        contentLength: core.view.getFloat64(OUT + C.HEAD_CONTENT_LENGTH, true),
        fields: Array.from({ length: count }, (_, index): [string, string] => {
          const at = C.HEAD_HEADERS + index * C.HEAD_HEADER_SIZE;
          return [range(at, at + 2), range(at + 4, at + 6)];
        }),
      };
    },
  };
}

/** What llhttp (undici's, in Wasm) finds in a head; undefined when it refuses it. */
export function llhttpReader(
  build: 'llhttp' | 'llhttp_simd',
): (text: string) => Pick<Head, 'target' | 'fields'> | undefined {
  let target = '';
  let isComplete = false;
  let isName = false;
  let fields: [string, string][] = [];
  const piece = (at: number, length: number): string =>
    Buffer.from(exports.memory.buffer, at, length).toString('latin1');
  const exports = loadLlhttp(build, {
    wasm_on_url: (_, at, length) => ((target += piece(at, length)), 0),
    wasm_on_header_field: (_, at, length) => {
      if (!isName) fields.push(['', '']);
      isName = true;
      fields.at(-1)![0] += piece(at, length);
      return 0;
    },
    wasm_on_header_value: (_, at, length) => {
      isName = false;
      fields.at(-1)![1] += piece(at, length);
      return 0;
    },
    wasm_on_headers_complete: () => ((isComplete = true), 0),
  });
  const place = exports.malloc(ROOM);
  return (text) => {
    [target, isComplete, isName, fields] = ['', false, false, []];
    const parser = exports.llhttp_alloc(LLHTTP_REQUEST);
    new Uint8Array(exports.memory.buffer).set(Buffer.from(text, 'latin1'), place);
    exports.llhttp_execute(parser, place, text.length);
    exports.llhttp_free(parser);
    return isComplete ? { target, fields } : undefined;
  };
}
