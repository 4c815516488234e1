// llhttp as undici has it in Wasm.
import { createRequire } from 'node:module';

export interface LlhttpExports {
  memory: WebAssembly.Memory;
  ['_initialize'](): void;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  malloc(size: number): number;
  /** 0: all was read and nothing is wrong */
  llhttp_execute(parser: number, at: number, length: number): number;
}

/** 0 goes on. Spans are given in pieces: bytes at `at`, `length` of them. */
export type LlhttpCallback = (parser: number, at: number, length: number) => number;

export const LLHTTP_REQUEST = 1;

const CALLBACKS = [
  'wasm_on_message_begin',
  'wasm_on_url',
  'wasm_on_status',
  'wasm_on_header_field',
  'wasm_on_header_value',
  'wasm_on_headers_complete',
  'wasm_on_body',
  'wasm_on_message_complete',
] as const;

const require = createRequire(import.meta.url);

/** `build`: llhttp or llhttp_simd. A callback that is not given does nothing. */
export function loadLlhttp(
  build: string,
  callbacks: Partial<Record<(typeof CALLBACKS)[number], LlhttpCallback>>,
): LlhttpExports {
  const env: Record<string, LlhttpCallback> = {};
  for (const name of CALLBACKS) env[name] = callbacks[name] ?? (() => 0);
  const module = new WebAssembly.Module(
    require(`undici/lib/llhttp/${build}-wasm.js`) as Uint8Array<ArrayBuffer>,
  );
  const exports = new WebAssembly.Instance(module, { env }).exports as unknown as LlhttpExports;
  exports['_initialize']();
  return exports;
}
