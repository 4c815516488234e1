import type { JsonFieldConfig, TargetConfig } from '../../config/target.ts';
import { lowerCase } from './pattern.ts';
import type { Range } from './parsed.ts';
import type { RequestHead } from './request-head.ts';
import { cookieValues, headersNamed, queryValues } from './rules.ts';

/** The bytes of a head that a pool's policy keys on; null: the head has none of them. */
export type TargetFinder = (head: RequestHead) => Uint8Array | null;

const SLASH = 0x2f;
const encoder = new TextEncoder();

/** Null: the path, which the core's parser has hashed already, or what only the body has. */
export function targetFinder(target: TargetConfig | undefined): TargetFinder | null {
  if (target === undefined || target === 'path') return null;
  if (target === 'host+path') return hostAndPath;
  if ('header' in target) {
    const name = encoder.encode(target.header.toLowerCase());
    return (head) => {
      const [index] = headersNamed(head, name);
      return index === undefined ? null : cut(head, head.headerValue(index));
    };
  }
  if ('cookie' in target) {
    const name = encoder.encode(target.cookie);
    return (head) => cut(head, cookieValues(head, name)[0]);
  }
  if ('query' in target) {
    const name = encoder.encode(target.query);
    return (head) => queryValues(head, name)[0] ?? null;
  }
  return null;
}

/** The field of the body that the target names. */
export function jsonFieldOf(target: TargetConfig | undefined): JsonFieldConfig | null {
  return typeof target === 'object' && 'json' in target ? target.json : null;
}

function cut({ bytes }: RequestHead, range: Range | undefined): Uint8Array | null {
  return range ? bytes.subarray(range.from, range.to) : null;
}

/** The host in small letters; an empty path is "/" (RFC 9110 section 4.2.3). */
function hostAndPath({ bytes, host, path }: RequestHead): Uint8Array {
  const hostLength = host.to - host.from;
  const pathLength = path.to - path.from;
  const found = new Uint8Array(hostLength + Math.max(1, pathLength));
  for (let at = 0; at < hostLength; at += 1) found[at] = lowerCase(bytes[host.from + at]!);
  found[hostLength] = SLASH;
  found.set(bytes.subarray(path.from, path.to), hostLength);
  return found;
}
