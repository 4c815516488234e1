// The catalogue of bad inputs as a file has it: README.md describes every field.
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';

export type Tuple = [address: string, port: number];

/** What a reply may be; every field that is present must hold. */
export interface Matcher {
  none?: boolean;
  icmp?: boolean;
  served?: { target: string };
  not_served?: boolean;
  status?: string;
  first_flight_max?: number;
  flags?: string;
  seq?: string;
  ack?: string;
  opts_absent?: number[];
  opts_present?: number[];
  to?: Tuple;
  routed_as?: string;
}

/** `hex`, or what stands in the fields behind it. */
export interface SendStep {
  do: 'send';
  hex?: string;
  flags?: string;
  seq?: string;
  ack?: string;
  payload?: string;
  window?: number;
  urgent?: number;
  /** TCP options, hex */
  options?: string;
  from?: Tuple;
  patch?: string;
  bad_tcp_checksum?: boolean;
  note?: string;
}

export type Step =
  | SendStep
  | { do: 'wait'; ms: number }
  | { do: 'expect'; any_of: Matcher[]; within_ms: number; note?: string };

interface Described {
  id: string;
  area: string;
  title: string;
  ref?: string;
}

export interface PacketCase extends Described {
  kind: 'packets';
  client: string;
  client_port: number;
  C: number;
  steps: Step[];
}

export type Expectation = Record<string, unknown>;

export interface HttpCase extends Described {
  kind: 'http';
  bytes_hex?: string | null;
  /** one byte for each character, where no bytes stand */
  text?: string;
  zlib_hex?: string;
  expect: Expectation[];
}

export interface Vector {
  words: string[];
  checksum: string;
  index: number;
  new: string;
  expect: string;
  full: string;
}

export interface UnitCase extends Described {
  kind: 'unit';
  vectors: Vector[];
}

export interface ScenarioCase extends Described {
  kind: 'scenario';
  /** `FILE: NAME` of the test that holds it */
  held_by?: string;
}

export type Case = PacketCase | HttpCase | UnitCase | ScenarioCase;

export interface PoolRule {
  host?: string;
  path_prefix?: string;
  pool?: string;
  default?: boolean;
}

export interface Catalogue {
  vip: string;
  port: number;
  rules: PoolRule[];
  cases: Case[];
}

const KINDS = ['packets', 'http', 'unit', 'scenario'];

/** Throws with the place when the file is no catalogue. */
export function readCatalogue(file: string): Catalogue {
  const found = JSON.parse(readFileSync(file, 'utf8')) as {
    schema: number;
    conventions: {
      vip: string;
      port: number;
      rules?: { rules: (PoolRule & { default?: boolean | string })[] };
    };
    cases: Case[];
  };
  if (found.schema !== 1) throw new Error(`${file}: expected "schema": 1`);
  for (const { id, kind } of found.cases) {
    if (!KINDS.includes(kind)) throw new Error(`${file}: case ${id} has no known kind: ${kind}`);
  }
  const { vip, port, rules } = found.conventions;
  return { vip, port, rules: (rules?.rules ?? []) as PoolRule[], cases: found.cases };
}

export function requestBytes(one: HttpCase): Uint8Array {
  if (one.zlib_hex !== undefined) return inflateSync(Buffer.from(one.zlib_hex, 'hex'));
  if (typeof one.bytes_hex === 'string') return Buffer.from(one.bytes_hex, 'hex');
  if (one.text === undefined) throw new Error(`case ${one.id}: no bytes_hex, zlib_hex or text`);
  return Buffer.from(one.text, 'latin1');
}

/** The pool that the rules name for a host and a path. */
export function poolOf(rules: PoolRule[], host: string, path: string): string {
  for (const rule of rules) {
    if (rule.default) return rule.pool ?? '';
    if (rule.host !== undefined && rule.host.toLowerCase() !== host.toLowerCase()) continue;
    if (rule.path_prefix !== undefined && !path.startsWith(rule.path_prefix)) continue;
    return rule.pool ?? '';
  }
  return '';
}

/** All pools that the rules name, each once. */
export function poolsOf(rules: PoolRule[]): string[] {
  return [...new Set(rules.map((rule) => rule.pool ?? ''))];
}

/** What a case is found to be; no problem = it passed. */
export interface Finding {
  id: string;
  through: string;
  problems: string[];
}
