import { HEAD_FLAG_UPGRADE } from '../../../assembly/calls.ts';
import type { RequestHead } from './request-head.ts';

const KEEP_ALIVE = 'keep-alive';
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/;
const CR = 13;
const LF = 10;
const BARE = '\n';
const CHUNK_LINE = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?$/;

/**
 * Whether every server ends the connection behind this request (RFC 9112 section 9.3), not only one
 * that reads Connection as we do: of "close" and "keep-alive" together nginx takes the last, Node
 * the second in HTTP/1.0, also from Proxy-Connection; "close x" and "close;x" are a close to some and
 * nothing to others. What they might read in two ways does not end it.
 */
export function isLastRequest(head: RequestHead): boolean {
  if ((head.flags & HEAD_FLAG_UPGRADE) !== 0) return false;
  let closes = head.isOld;
  for (let index = 0; index < head.headerCount; index += 1) {
    const name = head.text(head.headerName(index)).toLowerCase();
    if (name !== 'connection' && name !== 'proxy-connection') continue;
    const value = head.text(head.headerValue(index)).toLowerCase();
    // nginx looks for it anywhere in the value
    if (value.includes(KEEP_ALIVE)) return false;
    const options = value.split(',').map((option) => option.replace(/^[ \t]+|[ \t]+$/g, ''));
    if (!options.every((option) => TOKEN.test(option))) return false;
    if (name === 'connection' && options.includes('close')) closes = true;
  }
  return closes;
}

/**
 * Whether bytes lie behind the request's body. A chunked body (RFC 9112 section 7.1) is walked through
 * as far as it is there; one that breaks the rules ends nobody knows where.
 */
export function hasBytesBehind(head: RequestHead, received: Uint8Array): boolean {
  if (!head.isChunked) return received.length > head.end;
  let at = head.length;
  for (;;) {
    const line = lineAt(received, at);
    if (line === null) return false;
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) return true;
    at += line.length + 2;
    if (Number.parseInt(size, 16) === 0) return isBehindTrailer(received, at);
    at += Number.parseInt(size, 16);
    if (at >= received.length) return false;
    const isEnded = received[at] === CR && (at + 1 === received.length || received[at + 1] === LF);
    if (!isEnded) return true;
    at += 2;
  }
}

function isBehindTrailer(received: Uint8Array, from: number): boolean {
  let at = from;
  for (;;) {
    const line = lineAt(received, at);
    if (line === null) return false;
    if (line.endsWith(BARE)) return true;
    at += line.length + 2;
    if (line === '') return at < received.length;
  }
}

/** The text before the next line end, null when that is not there yet; a bare LF belongs to the text. */
function lineAt(bytes: Uint8Array, from: number): string | null {
  const end = bytes.indexOf(LF, from);
  if (end < 0) return null;
  const isBare = end === from || bytes[end - 1] !== CR;
  return String.fromCharCode(...bytes.subarray(from, isBare ? end + 1 : end - 1));
}
