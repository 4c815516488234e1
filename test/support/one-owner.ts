// Servers that write down what they run and mark what they say, clients that tell whose bytes they read, and
// what may happen to two switches of a group meanwhile: the acceptance line `one-owner`.
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostProcess } from '../../src/lab/host-process.ts';
import { reachedHosts } from '../../src/lab/figures.ts';
import { cutChannel } from '../../src/lab/strikes.ts';
import type { ChannelEnds } from '../../src/lab/strikes.ts';
import type { MarkedOutcome, MarkedPlan } from '../programs/marked-client.ts';
import type { TestLab } from './lab.ts';
import { withServicesLab } from './moves.ts';
import { programFile } from './programs.ts';

const SERVER_PORT = 8090;
const READY_LIMIT_MS = 5000;
/** Of the time that a trouble lasts. */
const FELT_SHARE = 0.85;
const SERVICES = `pools:
  - { name: default, servers: [server1, server2, server3], policy: round-robin }
services:
  - { name: web, vip: [192.0.2.80, "2001:db8:80::80"], port: 80, serverPort: ${SERVER_PORT}, pool: default }
`;
const LOSS = { lossPercent: 1, delayMs: 0, reorderPercent: 0, seed: 1 };

/** Requests by turns for server1 and server2: each connection moves all the time. */
const MOVING = `pools:
  - { name: first, servers: [server1], policy: round-robin }
  - { name: second, servers: [server2], policy: round-robin }
services:
  - name: web
    vip: [192.0.2.80, "2001:db8:80::80"]
    port: 80
    serverPort: ${SERVER_PORT}
    requests: per-request
    pool: first
    rules:
      - { match: { path: "*/b" }, pool: second }
`;

/** A lab of two switches behind equal routes, and its three servers. */
export function withGroupLab(
  body: (lab: TestLab, servers: HostProcess[]) => Promise<void>,
): Promise<void> {
  const options = { servers: 3, switches: 2, front: 'ecmp', hostile: LOSS } as const;
  return withServicesLab(SERVICES, options, async (lab) => body(lab, await startMarked(lab)));
}

/** A lab of one switch, which moves connections between two servers. */
export function withMarkedMoves(
  body: (lab: TestLab, servers: HostProcess[]) => Promise<void>,
): Promise<void> {
  const options = { servers: 2, hostile: LOSS };
  return withServicesLab(MOVING, options, async (lab) => body(lab, await startMarked(lab)));
}

async function startMarked(lab: TestLab): Promise<HostProcess[]> {
  const servers = lab.topology.servers.map(({ name }, index) => {
    const words = [programFile('marked-server'), String(SERVER_PORT), 'ABC'[index]!];
    return lab.startProgram(name, 'marked', [process.execPath, ...words]);
  });
  for (const each of servers) {
    await each.ready(() => each.log().includes('ready'), READY_LIMIT_MS);
  }
  return servers;
}

/** The clients' load; resolves when it is over. */
export async function markedLoad(lab: TestLab, plan: MarkedPlan): Promise<MarkedOutcome[]> {
  const { BATON_VIP: vip = '' } = lab.environment;
  const words = [process.execPath, programFile('marked-client'), vip, '80', JSON.stringify(plan)];
  const timeout = plan.seconds * 1000 + 90_000;
  const { stdout, stderr } = await lab.run('client', words, { timeout });
  if (stdout === '') throw new Error(`marked-client: ${stderr}`);
  return JSON.parse(stdout) as MarkedOutcome[];
}

/** What two servers did that only one may do. */
export interface Verdict {
  /** connections of which two servers have read requests: a (tuple, client ISN) that two agents took */
  onTwoServers: string[];
  /** connections that read bytes of two servers */
  ofTwoServers: string[];
  ranTwice: string[];
  /** answered, and no server has run it */
  neverRan: string[];
  requests: number;
  answered: number;
  broken: MarkedOutcome[];
}

export function judge(outcomes: readonly MarkedOutcome[], logs: readonly string[]): Verdict {
  const runs = new Map<string, number>();
  const servers = new Map<string, Set<number>>();
  for (const [server, log] of logs.entries()) {
    for (const [, connection = '', number] of log.matchAll(/^POST (\S+) (\d+)$/gm)) {
      const request = `${connection}/${number}`;
      runs.set(request, (runs.get(request) ?? 0) + 1);
      servers.set(connection, (servers.get(connection) ?? new Set()).add(server));
    }
  }
  const names = (of: readonly MarkedOutcome[]) => of.map(({ connection }) => connection);
  const neverRan = outcomes.flatMap(({ connection, answered }) => {
    const each = Array.from({ length: answered }, (_, at) => `${connection}/${at + 1}`);
    return each.filter((request) => !runs.has(request));
  });
  return {
    onTwoServers: names(
      outcomes.filter(({ connection }) => (servers.get(connection)?.size ?? 0) > 1),
    ),
    ofTwoServers: names(outcomes.filter(({ marks }) => marks.length > 1)),
    ranTwice: [...runs].flatMap(([request, times]) => (times > 1 ? [request] : [])),
    neverRan,
    requests: outcomes.reduce((sum, { sent }) => sum + sent, 0),
    answered: outcomes.reduce((sum, { answered }) => sum + answered, 0),
    broken: outcomes.filter(({ error }) => error !== ''),
  };
}

/** What happens in the middle of the load; undone when it resolves. */
export interface Trouble {
  what: string;
  strike: (lab: TestLab) => Promise<void>;
  /** who does not reach whom meanwhile; null: nothing is cut */
  ends: ChannelEnds | null;
}

/** Strikes, and looks shortly before it is undone: whether one end has lost the other. */
export async function strikeFelt(lab: TestLab, trouble: Trouble, forMs: number): Promise<boolean> {
  const { ends, strike } = trouble;
  const over = strike(lab);
  await sleep(forMs * FELT_SHARE);
  const isReached =
    ends && (await reachedHosts(lab.directory, ends.dialer)).includes(ends.listener);
  await over;
  return !isReached;
}

export function cut(
  ends: ChannelEnds,
  side: 'both' | 'dialer' | 'listener',
  forMs: number,
): Trouble {
  const where = side === 'both' ? 'both ways' : `nothing reaches ${ends[side]}`;
  const what = `channel ${ends.dialer}-${ends.listener} cut, ${where}`;
  return { what, ends, strike: (lab) => cutChannel(lab, ends, side, forMs) };
}

export const PEERS = { dialer: 'switch', listener: 'switch2' };
const OF_AGENT = { dialer: 'switch2', listener: 'server1' };

/** Each lasts so long (ms). */
export function troubles(forMs: number): Trouble[] {
  const sides = ['both', 'dialer', 'listener'] as const;
  return [
    { what: 'routes turned', ends: null, strike: async () => {} },
    ...sides.map((side) => cut(PEERS, side, forMs)),
    ...sides.map((side) => cut(OF_AGENT, side, forMs)),
    {
      what: 'agent of server1 stopped',
      ends: OF_AGENT,
      strike: (lab) => stopAgent(lab, 'server1', forMs),
    },
  ];
}

async function stopAgent(lab: TestLab, server: string, forMs: number): Promise<void> {
  const pid = lab.hosts[server]!.programs['baton']!;
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(forMs);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
