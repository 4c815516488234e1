// Cases of kind `http`: bytes over an ordinary socket to the VIP; who answered, or who refused.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { poolOf, requestBytes } from './catalogue.ts';
import type { Expectation, HttpCase, PoolRule } from './catalogue.ts';

/** How many handoffs each server has had, by name. */
export type HandoffCounts = Record<string, number>;

export interface HttpWorld {
  vip: string;
  port: number;
  rules: PoolRule[];
  /** server -> its pool */
  pools: Record<string, string>;
  handoffs(): Promise<HandoffCounts>;
}

interface Seen {
  text: string;
  /** ms after the connection's beginning; undefined: still open */
  closedMs: number | undefined;
  /** servers that were handed something */
  touched: string[];
}

const PATIENCE_MS = 2000;
const QUIET_MS = 250;
const LOOK_MS = 10;
/** A socket's own delay, and that of a busy machine. */
const SLACK_MS = 500;

interface Exchange {
  text: string;
  closedMs: number | undefined;
}

/** Sends, then reads until the end, or until nothing more seems to come. */
async function exchange(world: HttpWorld, bytes: Uint8Array, ms: number): Promise<Exchange> {
  const startedMs = performance.now();
  const seen: Exchange = { text: '', closedMs: undefined };
  let lastMs = Infinity;
  const over = (): void => void (seen.closedMs ??= performance.now() - startedMs);
  const socket = connect({ host: world.vip, port: world.port, allowHalfOpen: true });
  socket.on('data', (data: Buffer) => {
    seen.text += data.toString('latin1');
    lastMs = performance.now();
  });
  socket.on('end', over).on('error', over);
  if (bytes.length > 0) socket.write(bytes);
  while (seen.closedMs === undefined) {
    const nowMs = performance.now();
    if (nowMs - startedMs > ms || nowMs - lastMs > QUIET_MS) break;
    await sleep(LOOK_MS);
  }
  socket.destroy();
  return seen;
}

export async function runHttpCase(one: HttpCase, world: HttpWorld): Promise<string[]> {
  const slow = one.expect.find((expectation) => 'slow' in expectation);
  const limit = (slow?.['slow'] as { closed_within_s: number } | undefined)?.closed_within_s;
  const before = await world.handoffs();
  const ms = limit === undefined ? PATIENCE_MS : limit * 1000 + SLACK_MS;
  const found = await exchange(world, requestBytes(one), ms);
  const after = await world.handoffs();
  const touched = Object.keys(after).filter((name) => after[name] !== (before[name] ?? 0));
  const seen = { ...found, touched };
  const unknown = one.expect.filter((expectation) => verdictOf(expectation) === undefined);
  if (unknown.length > 0) return [`unknown expectation: ${JSON.stringify(unknown)}`];
  const holds = one.expect.some((expectation) => verdictOf(expectation)!(expectation, seen, world));
  if (holds) return [];
  const start = JSON.stringify(seen.text.slice(0, 200));
  const how = seen.closedMs === undefined ? 'open' : `closed after ${seen.closedMs.toFixed(0)} ms`;
  const got = `${start}, ${how}, handed to [${touched.join()}]`;
  return [`wanted one of ${JSON.stringify(one.expect)}, got ${got}`];
}

type Verdict = (expectation: Expectation, seen: Seen, world: HttpWorld) => boolean;

const VERDICTS: Record<string, Verdict> = {
  pool: ({ pool }, seen, world) => poolThatAnswered(seen, world) === pool,
  refuse: ({ refuse }, seen) => isRefused(seen, refuse as string[]),
  same_view: (_, seen, world) => hasSameView(seen, world),
  second_request: ({ second_request: ways }, seen, world) =>
    (ways as string[]).includes(secondRequest(seen, world) ?? ''),
  documented_pool: (_, seen, world) => poolThatAnswered(seen, world) === defaultPool(world),
  // how long it took was the exchange's patience
  slow: (_, seen) => seen.closedMs !== undefined && seen.text === '' && seen.touched.length === 0,
};

function verdictOf(expectation: Expectation): Verdict | undefined {
  const name = Object.keys(VERDICTS).find((key) => key in expectation);
  return name === undefined ? undefined : VERDICTS[name];
}

/** What became of the request behind the first one; undefined: nothing that a catalogue can want. */
function secondRequest(seen: Seen, world: HttpWorld): string | undefined {
  const answers = [...seen.text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => status);
  const servers = [...seen.text.matchAll(/server=([\w.-]+);/g)].map(([, name = '']) => name);
  if (servers.length < 2) return answers.includes('200') ? 'not_served' : undefined;
  if (servers.length > 2) return undefined;
  // the first one's server is no surprise, when the manual says so in bold
  if (servers[0] === servers[1]) return isDocumented() ? 'documented_limit' : undefined;
  return `served_by:${world.pools[servers[1]!]}`;
}

function isDocumented(): boolean {
  const manual = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
  return /\*\*Rules bind the first request[^*]*not access control[^*]*\*\*/.test(manual);
}

function poolThatAnswered(seen: Seen, world: HttpWorld): string | undefined {
  const named = /server=([\w.-]+);/.exec(seen.text)?.[1];
  const server = seen.touched.length === 1 ? seen.touched[0] : undefined;
  if (server === undefined || (named !== undefined && named !== server)) return undefined;
  return world.pools[server];
}

function defaultPool({ rules }: HttpWorld): string | undefined {
  return rules.find((rule) => rule.default)?.pool;
}

/** Refused by the switch itself: no server has seen anything of it. */
function isRefused(seen: Seen, how: string[]): boolean {
  if (seen.touched.length > 0) return false;
  const status = /^HTTP\/1\.[01] (\d{3}) /.exec(seen.text)?.[1];
  if (status !== undefined) return how.includes(status);
  return how.includes('close') && seen.text === '' && seen.closedMs !== undefined;
}

/** The rules say the same about what the server reports as about what the switch read. */
function hasSameView(seen: Seen, world: HttpWorld): boolean {
  const pool = poolThatAnswered(seen, world);
  if (pool === undefined) return false;
  const host = /host=([^;]*);/.exec(seen.text)?.[1];
  const target = /path=([^;]*);/.exec(seen.text)?.[1] ?? /target=([^;]*);/.exec(seen.text)?.[1];
  // a server that refused it has no view
  if (host === undefined || target === undefined) return false;
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '');
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '');
  return poolOf(world.rules, name, path === '' ? '/' : path) === pool;
}
