import { HEAD_FLAG_PATH_SPELLING } from '../../../assembly/calls.ts';
import type { MatchConfig, RuleConfig } from '../../config/config.ts';
import type { PathsName } from '../../config/choices.ts';
import { hexByte, readPath } from './path.ts';
import type { PathReading } from './path.ts';
import { Pattern, lowerCase } from './pattern.ts';
import type { Range } from './parsed.ts';
import type { RequestHead } from './request-head.ts';

type Condition = (head: RequestHead, path: Uint8Array) => boolean;

interface Rule {
  conditions: Condition[];
  pool: string;
}

const encoder = new TextEncoder();

/** The rules of one service: the first whose conditions all hold names the pool. */
export class Rules {
  private readonly rules: Rule[];
  /** the pool when no rule matches */
  readonly otherwise: string;
  private readonly readings: readonly PathReading[];
  private readonly needsPath: boolean;

  /** `paths`: how the servers read one; `strict`: they must agree, whatever their kind. */
  constructor(rules: readonly RuleConfig[], otherwise: string, paths: PathsName = 'strict') {
    this.otherwise = otherwise;
    this.readings = paths === 'strict' ? ['raw', 'rfc3986', 'merge-slashes'] : [paths];
    this.needsPath = rules.some((rule) => rule.match.path !== undefined);
    this.rules = rules.map((rule) => ({ conditions: compile(rule.match), pool: rule.pool }));
  }

  /** The pool's name; null: a rule looks at the path and servers may read this one in two ways. */
  poolFor(head: RequestHead): string | null {
    if (this.rules.length === 0) return this.otherwise;
    const { from, to } = head.path;
    const sent = head.bytes.subarray(from, to);
    const isPlain = sent.length > 0 && (head.flags & HEAD_FLAG_PATH_SPELLING) === 0;
    if (!this.needsPath || isPlain) return this.poolAt(head, sent);
    let agreed: string | null = null;
    for (const reading of this.readings) {
      const path = readPath(sent, reading);
      const pool = path && this.poolAt(head, path);
      if (pool === null || (agreed !== null && pool !== agreed)) return null;
      agreed = pool;
    }
    return agreed;
  }

  private poolAt(head: RequestHead, path: Uint8Array): string {
    for (const rule of this.rules) {
      if (rule.conditions.every((holds) => holds(head, path))) return rule.pool;
    }
    return this.otherwise;
  }
}

function compile(match: MatchConfig): Condition[] {
  const conditions: Condition[] = [];
  if (match.method !== undefined) conditions.push(methodIs(match.method));
  if (match.host !== undefined) conditions.push(hostMatches(match.host));
  if (match.path !== undefined) conditions.push(pathMatches(match.path));
  for (const [name, text] of Object.entries(match.header ?? {})) {
    conditions.push(headerMatches(name, text));
  }
  for (const [name, text] of Object.entries(match.cookie ?? {})) {
    conditions.push(cookieMatches(name, text));
  }
  for (const [name, text] of Object.entries(match.query ?? {})) {
    conditions.push(queryMatches(name, text));
  }
  return conditions;
}

function within(pattern: Pattern, bytes: Uint8Array, range: Range): boolean {
  return pattern.matches(bytes, range.from, range.to);
}

function methodIs(text: string): Condition {
  const pattern = new Pattern(text);
  return (head) => within(pattern, head.bytes, head.method);
}

function hostMatches(text: string): Condition {
  const pattern = new Pattern(text, true);
  return (head) => within(pattern, head.bytes, head.host);
}

function pathMatches(text: string): Condition {
  const pattern = new Pattern(text);
  return (_head, path) => pattern.matches(path, 0, path.length);
}

function headerMatches(name: string, text: string): Condition {
  const wanted = encoder.encode(name.toLowerCase());
  const pattern = new Pattern(text);
  return (head) =>
    headersNamed(head, wanted).some((index) =>
      within(pattern, head.bytes, head.headerValue(index)),
    );
}

function cookieMatches(name: string, text: string): Condition {
  const wanted = encoder.encode(name);
  const pattern = new Pattern(text);
  return (head) => cookieValues(head, wanted).some((value) => within(pattern, head.bytes, value));
}

const COOKIE = encoder.encode('cookie');

/** Where in the head the values of the client's cookies of that name stand, in its order. */
export function cookieValues(head: RequestHead, name: Uint8Array): Range[] {
  return headersNamed(head, COOKIE)
    .flatMap((index) => pairs(head.bytes, head.headerValue(index), 0x3b))
    .filter((pair) => equal(head.bytes, pair.name, name))
    .map((pair) => pair.value);
}

/** Names and values are compared decoded (escapes, "+" for a space). */
function queryMatches(name: string, text: string): Condition {
  const wanted = encoder.encode(name);
  const pattern = new Pattern(text);
  return (head) =>
    queryValues(head, wanted).some((value) => pattern.matches(value, 0, value.length));
}

/** Values of the query's parameters of that name, decoded, in its order. */
export function queryValues({ bytes, query }: RequestHead, wanted: Uint8Array): Uint8Array[] {
  return pairs(bytes, query, 0x26).flatMap(({ name, value }) => {
    const decoded = decodeQuery(bytes, name);
    const isIt = equal(decoded, { from: 0, to: decoded.length }, wanted);
    return isIt ? [decodeQuery(bytes, value)] : [];
  });
}

/** Indexes of the headers with this name (lower case). */
export function headersNamed(head: RequestHead, wanted: Uint8Array): number[] {
  const found: number[] = [];
  for (let index = 0; index < head.headerCount; index += 1) {
    const { from, to } = head.headerName(index);
    if (to - from !== wanted.length) continue;
    if (wanted.every((byte, at) => byte === lowerCase(head.bytes[from + at]!))) found.push(index);
  }
  return found;
}

function equal(bytes: Uint8Array, range: Range, wanted: Uint8Array): boolean {
  if (range.to - range.from !== wanted.length) return false;
  return wanted.every((byte, at) => byte === bytes[range.from + at]);
}

interface Pair {
  name: Range;
  value: Range;
}

/** `name=value` parts between separators, without blanks around them; no "=": an empty value. */
function pairs(bytes: Uint8Array, range: Range, separator: number): Pair[] {
  const found: Pair[] = [];
  let from = range.from;
  while (from < range.to) {
    let to = bytes.indexOf(separator, from);
    if (to < 0 || to > range.to) to = range.to;
    const part = trim(bytes, { from, to });
    let equals = bytes.indexOf(0x3d, part.from);
    if (equals < 0 || equals >= part.to) equals = part.to;
    found.push({
      name: trim(bytes, { from: part.from, to: equals }),
      value: trim(bytes, { from: Math.min(equals + 1, part.to), to: part.to }),
    });
    from = to + 1;
  }
  return found;
}

function trim(bytes: Uint8Array, { from, to }: Range): Range {
  let first = from;
  let last = to;
  while (first < last && isBlank(bytes[first]!)) first += 1;
  while (last > first && isBlank(bytes[last - 1]!)) last -= 1;
  return { from: first, to: last };
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

function decodeQuery(bytes: Uint8Array, { from, to }: Range): Uint8Array {
  const out = new Uint8Array(to - from);
  let length = 0;
  for (let at = from; at < to; at += 1) {
    const escaped = bytes[at] === 0x25 ? hexByte(bytes, at + 1, to) : -1;
    if (escaped >= 0) at += 2;
    out[length++] = escaped >= 0 ? escaped : bytes[at] === 0x2b ? 0x20 : bytes[at]!;
  }
  return out.subarray(0, length);
}
