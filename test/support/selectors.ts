// What chooses servers in a lab with real nginx: targets, limits with a queue, sorry pools, slow start.
// For the acceptance line, and its short part.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENT_PORT, SERVER_PORT } from '../../src/lab/topology.ts';
import { FEW } from '../../src/lab/web-servers.ts';
import type { Answer, Ask } from '../programs/asker.ts';
import type { TestLab } from './lab.ts';
import { withServicesLab } from './moves.ts';
import { programFile } from './programs.ts';
import { baton, standing } from './server-commands.ts';

export const SLOW_START_MS = 6000;
const NAMES = ['server1', 'server2', 'server3'];
const ALL = `servers: [${NAMES.join(', ')}]`;
const HEALTH = `health: { check: { http: { path: /well, expect: 200 } }, intervalMs: 100, rise: 2, fall: 2 }`;
const HANDOFF = HEALTH.replace('http:', 'handoff:');
const SERVERS = NAMES.map(
  (name, index) =>
    `  - { name: ${name}, agent: 10.80.${11 + index}.2:${AGENT_PORT}, port: ${SERVER_PORT}` +
    `, slowStartMs: ${name === 'server1' ? SLOW_START_MS : 1} }`,
);
const CONFIG = `servers:
${SERVERS.join('\n')}
pools:
  - { name: path, ${ALL}, policy: maglev }
  - { name: host, ${ALL}, policy: maglev, target: host+path }
  - { name: header, ${ALL}, policy: maglev, target: { header: x-tenant } }
  - { name: cookie, ${ALL}, policy: maglev, target: { cookie: sid } }
  - { name: query, ${ALL}, policy: maglev, target: { query: q } }
  - { name: json, ${ALL}, policy: lard, target: { json: { field: 'messages[0].content', bytes: 64 } } }
  - name: few
    ${ALL}
    policy: round-robin
    maxConnections: ${FEW}
    queue: { length: 500, timeoutMs: 30000 }
  - { name: turns, ${ALL}, policy: round-robin }
  - { name: one, servers: [server1, server2], policy: round-robin, sorry: apology, ${HEALTH} }
  - { name: two, servers: [server1, server2], policy: round-robin, quorum: 2, sorry: apology, ${HEALTH} }
  - { name: proven, servers: [server1, server2], policy: round-robin, ${HANDOFF} }
  - { name: apology, servers: [server3], policy: round-robin }
services:
  - name: web
    vip: [192.0.2.80]
    port: 80
    pool: path
    rules:
${['host', 'header', 'cookie', 'query', 'few', 'turns', 'one', 'two', 'proven']
  .map((name) => `      - { match: { path: '/${name}/*' }, pool: ${name} }`)
  .join('\n')}
      - { match: { path: '/stream/*' }, pool: json }
`;

export function withSelectorsLab(body: (lab: TestLab) => Promise<void>): Promise<void> {
  return withServicesLab(CONFIG, { servers: 3, server: 'nginx' }, body);
}

async function askAll(lab: TestLab, asks: Ask[], atOnce: number): Promise<Answer[]> {
  const file = join(lab.directory, 'asks.json');
  writeFileSync(file, JSON.stringify({ asks, atOnce }));
  const command = ['node', programFile('asker'), lab.environment['BATON_URL']!, file];
  const { stdout, stderr } = await lab.run('client', command, { timeout: 120_000 });
  if (stdout === '') throw new Error(`asker: ${stderr}`);
  return JSON.parse(stdout) as Answer[];
}

/** A prompt of some kilobytes; what belongs together has the first 64 bytes in common. */
function prompt(target: number, round: number): string {
  const beginning = `You are assistant ${target}, kind and brief. `.padEnd(64, '-');
  const content = beginning + `${round} `.repeat(200 * (round + 1));
  return JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content }] });
}

/** Requests that belong to a target, and differ in all the rest. */
export const KINDS: Record<string, (target: number, round: number) => Ask> = {
  path: (target, round) => ({
    target: `/p${target}?r=${round}`,
    headers: { 'X-Tenant': `${round}` },
  }),
  'host+path': (target, round) => ({
    target: `/host/${target % 4}?r=${round}`,
    headers: { Host: `h${target >> 2}.example` },
  }),
  header: (target, round) => ({
    target: `/header/${round}`,
    headers: { 'X-Tenant': `t${target}` },
  }),
  cookie: (target, round) => ({
    target: `/cookie/${round}`,
    headers: { Cookie: `a=${round}; sid=s${target}` },
  }),
  query: (target, round) => ({ target: `/query/${round}?a=${round}&q=v%2${target % 10}${target}` }),
  json: (target, round) => ({
    target: '/stream/100k',
    headers: { 'Content-Type': 'application/json' },
    body: prompt(target, round),
  }),
};

export interface Spread {
  failed: string[];
  /** targets that more than one server got */
  torn: number[];
  /** servers that any target is on */
  servers: number;
  /** least bytes of an answer, and the median of the times from first to last */
  bytes: number;
  streamMs: number;
}

export function failedIn(answers: Answer[]): string[] {
  return answers
    .filter(({ status, error }) => status !== 200 || error !== '')
    .map(({ status, error }) => `${status} ${error}`);
}

/** Asks for so many targets, round by round. */
export async function spreadOf(
  lab: TestLab,
  kind: string,
  targets: number,
  rounds: number,
): Promise<Spread> {
  const asks = Array.from({ length: targets * rounds }, (_, index) =>
    KINDS[kind]!(index % targets, Math.floor(index / targets)),
  );
  const answers = await askAll(lab, asks, 8);
  const byTarget = Array.from({ length: targets }, () => new Set<string>());
  answers.forEach(({ server }, index) => byTarget[index % targets]!.add(server));
  const times = answers.map(({ streamMs }) => streamMs).toSorted((one, other) => one - other);
  return {
    failed: failedIn(answers),
    torn: byTarget.flatMap((servers, target) => (servers.size === 1 ? [] : [target])),
    servers: new Set(answers.map(({ server }) => server)).size,
    bytes: Math.min(...answers.map(({ bytes }) => bytes)),
    streamMs: times[times.length >> 1]!,
  };
}

/**
 * Clients of connections that were handed to that host and that its web server has or is about to get, as its
 * kernel lists them: health checks go to another address.
 */
function clientsOf(lab: TestLab, name: string): string[] {
  const port = SERVER_PORT.toString(16).toUpperCase().padStart(4, '0');
  // 10.82.x.y, ESTABLISHED and CLOSE_WAIT
  const line = new RegExp(
    `^ *\\d+: [0-9A-F]{4}520A:${port} ([0-9A-F]+:[0-9A-F]+) (?:01|08) `,
    'gm',
  );
  const { web } = lab.hosts[name]!.programs;
  const table = readFileSync(`/proc/${web}/net/tcp`, 'utf8');
  return [...table.matchAll(line)].map(([, client]) => client!);
}

/**
 * How many it has at one time. The kernel's list is no picture of one moment; who stands in two of them was
 * there in between.
 */
function heldBy(lab: TestLab, name: string): number {
  const before = clientsOf(lab, name);
  return clientsOf(lab, name).filter((client) => before.includes(client)).length;
}

export interface Crowded {
  failed: string[];
  /** most connections that any server had, as its kernel says */
  most: number;
  looks: number;
  queued: number;
  /** of the servers, how many answers each gave */
  shares: number[];
}

/** So many clients at once want what each server gives to few. */
export async function crowd(lab: TestLab, requests: number, atOnce: number): Promise<Crowded> {
  const figures = async () => (await lab.stats('switch')).control as { queued: number };
  const before = (await figures()).queued;
  const asks = Array.from({ length: requests }, () => ({ target: '/few/100k' }));
  const run = { isOver: false };
  const asked = askAll(lab, asks, atOnce).finally(() => (run.isOver = true));
  let [most, looks] = [0, 0];
  while (!run.isOver) {
    most = Math.max(most, ...NAMES.map((name) => heldBy(lab, name)));
    looks += 1;
    await sleep(5);
  }
  const answers = await asked;
  const queued = (await figures()).queued - before;
  const shares = NAMES.map((name) => answers.filter(({ server }) => server === name).length);
  return { failed: failedIn(answers), most, looks, queued, shares };
}

export function makeSick(lab: TestLab, name: string, isSick: boolean): void {
  const file = join(lab.directory, name, 'sick');
  if (isSick) writeFileSync(file, '');
  else rmSync(file, { force: true });
}

/** Who answers there now: the names, and what failed. */
export async function whoAnswers(
  lab: TestLab,
  target: string,
  requests = 8,
): Promise<{ names: string; failed: string[] }> {
  const answers = await askAll(
    lab,
    Array.from({ length: requests }, () => ({ target })),
    4,
  );
  const names = [...new Set(answers.map(({ server }) => server))].toSorted().join();
  return { names, failed: failedIn(answers) };
}

/** Waits until those answer; what answers then. */
export async function untilAnswered(lab: TestLab, target: string, names: string): Promise<string> {
  let now = '';
  for (let round = 0; round < 20; round += 1) {
    const seen = await whoAnswers(lab, target);
    now = [seen.names, ...seen.failed].join(' ');
    if (now === names) return now;
    await sleep(100);
  }
  return now;
}

export interface Started {
  failed: string[];
  /** of the requests, the part that the server got, while it began and when it was whole again */
  early: number;
  late: number;
}

/** Takes a server out and in again, while clients ask on and on. */
export async function startSlowly(lab: TestLab): Promise<Started> {
  await baton(lab, 'servers', 'maint', 'server1');
  await baton(lab, 'servers', 'ready', 'server1');
  const part = async (): Promise<[number, string[]]> => {
    const answers = await askAll(
      lab,
      Array.from({ length: 240 }, () => ({ target: '/turns/a' })),
      4,
    );
    const own = answers.filter(({ server }) => server === 'server1').length;
    return [own / answers.length, failedIn(answers)];
  };
  const [early, first] = await part();
  await sleep(SLOW_START_MS);
  const [late, second] = await part();
  return { failed: [...first, ...second], early, late };
}

/** Whether what that host's server sends reaches its agent; its checks by HTTP go another way. */
export async function setReturn(lab: TestLab, name: string, isThere: boolean): Promise<void> {
  const index = NAMES.indexOf(name) + 1;
  const rule = ['from', `10.82.${index}.0/24`, 'lookup', '99', 'pref', '99'];
  const { status, stderr } = await lab.run(name, ['ip', 'rule', isThere ? 'add' : 'del', ...rule]);
  if (status !== 0) throw new Error(stderr);
}

/** Waits until checks find the server ill; in which pools. */
export async function untilUnhealthy(lab: TestLab, name: string): Promise<string> {
  for (let round = 0; round < 50; round += 1) {
    const { unhealthyIn } = await standing(lab, name);
    if (unhealthyIn.length > 0) return unhealthyIn.join();
    await sleep(100);
  }
  return '';
}
