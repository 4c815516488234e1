// How a stream comes: cut, mixed, repeated; and what an endpoint has of it.
import type { Random } from '../../src/lab/random.ts';

export const POOLS = ['web', 'admin', 'img'];
/** More pieces beyond holes than these are not kept: the connection is reset. */
export const HOLES = 32;

/** Twenty requests: short and long, with and without a body. */
export const REQUESTS: string[] = [
  '/',
  '/a',
  '/admin',
  '/admin/x?y=1',
  '/img/a.png',
  '/img/',
  '/adm',
  '/long/'.padEnd(900, 'x'),
  '/admin/'.padEnd(1500, 'y'),
  '/img/'.padEnd(5000, 'z'),
].flatMap((path) => [
  `GET ${path} HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n`,
  `POST ${path} HTTP/1.1\r\nHost: web.example\r\nX: ${path.length}\r\nContent-Length: 5\r\n\r\nhello`,
]);

/** The pool that the rules of a segmentation run name for what stands first in a request. */
export function poolOfText(text: string): string {
  const path = text.split(' ')[1] ?? '';
  if (path.startsWith('/admin')) return 'admin';
  return path.startsWith('/img/') ? 'img' : 'web';
}

/** What an endpoint has: the first copy of each byte. */
export class Kept {
  readonly bytes: number[] = [];

  add(at: number, bytes: Uint8Array): void {
    bytes.forEach((byte, offset) => (this.bytes[at + offset] ??= byte));
  }

  /** How many pieces lie beyond the first hole. */
  get pieces(): number {
    const { bytes } = this;
    let count = 0;
    for (let at = 1; at < bytes.length; at += 1) {
      if (bytes[at] !== undefined && bytes[at - 1] === undefined) count += 1;
    }
    return count;
  }

  get inOrder(): string {
    let end = 0;
    while (this.bytes[end] !== undefined) end += 1;
    return String.fromCharCode(...this.bytes.slice(0, end));
  }
}

/** [from, to) of parts that cover the length, in order. */
export function cut(random: Random, length: number): [number, number][] {
  const parts: [number, number][] = [];
  const most = random.pick([1, 3, 20, 200, 1400]);
  for (let at = 0; at < length;) {
    const to = Math.min(length, at + 1 + random.below(Math.max(most, length >> 6)));
    parts.push([at, to]);
    at = to;
  }
  return parts;
}

/** The same parts, some twice, half of the time mixed. */
export function mix(random: Random, parts: [number, number][]): [number, number][] {
  const order = parts.flatMap((part) => (random.chance(0.1) ? [part, part] : [part]));
  if (random.chance(0.5)) return order;
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.max(0, at - random.below(8));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}
