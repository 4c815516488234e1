// Servers without an agent beside one that has one, under the same pool: bytes, who the servers see, moves
// between the two kinds, a spliced server that is away, figures, and what stays behind.
import { setTimeout as delay } from 'node:timers/promises';
import type { StandingView } from '../../src/admin/services.ts';
import { send } from '../../src/lab/send.ts';
import { VIP4 } from '../../src/lab/topology.ts';
import { checkFaults } from '../support/faults.ts';
import type { TestLab, TestLabOptions } from '../support/lab.ts';
import type { Step } from '../programs/moving-client.ts';
import { faultOf, move, movesOf, withMovesLab } from '../support/moves.ts';
import { Report } from '../support/report.ts';
import {
  checkNothingLeft,
  checkPeers,
  checkTransfers,
  withSplicedLab,
} from '../support/splicing.ts';

const LINK = { lossPercent: 1, delayMs: 0, reorderPercent: 0, seed: 20261123 };
const LABS: (Partial<TestLabOptions> & { what: string })[] = [
  { what: 'nginx, IPv4, loss 1 %, PROXY', server: 'nginx', proxy: true, hostile: LINK },
  { what: 'Apache, IPv6, PROXY', server: 'apache', family: 'IPv6', proxy: true },
  { what: 'nginx, IPv6, loss 1 %', server: 'nginx', family: 'IPv6', hostile: LINK },
  { what: 'Apache, IPv4, 2 workers', server: 'apache', workers: 2 },
];
const REQUESTS = 300;
const LEAST_MOVES = 100;
const VISITS = 60;
const report = new Report();

async function checkMoves(lab: TestLab, family: string): Promise<void> {
  const plan = { connections: 4, steps: { random: REQUESTS, seed: 7 } };
  const outcomes = await move(lab, plan);
  const faults = outcomes.map((outcome) => faultOf(outcome, REQUESTS));
  const moves = outcomes.map(movesOf);
  report.check(
    `${family}: 4 connections, ${REQUESTS} requests each, move between servers of both kinds`,
    faults.every((fault) => fault === '') && moves.every((count) => count >= LEAST_MOVES),
    faults.find((fault) => fault !== '') ?? `${moves.join(', ')} moves`,
  );
  const steps: Step[] = [
    { method: 'GET', target: '/10k?to=second', bytes: 1e4 },
    { method: 'PUT', target: '/upload/moved?to=first', bytes: 1e7 },
    { method: 'GET', target: '/bytes/100000?to=third', bytes: 1e5 },
    { method: 'GET', target: '/upload/moved?to=first', bytes: 1e7 },
  ];
  const [outcome] = await move(lab, { connections: 1, steps });
  report.check(
    `${family}: a 10 MB PUT as the request that moves from a spliced server to the agent's`,
    faultOf(outcome!, steps.length) === '',
    faultOf(outcome!, steps.length) || outcome!.seen.map(({ server }) => server).join(', '),
  );
}

async function visit(lab: TestLab, count: number): Promise<Map<string, number>> {
  const targets = Array.from({ length: count }, (_, index) => `/${index}`);
  const seen = new Map<string, number>();
  for (const { text } of await send(lab, { address: VIP4, targets })) {
    const server = /server=(.*?);/.exec(text)?.[1] ?? `no answer: ${text}`;
    seen.set(server, (seen.get(server) ?? 0) + 1);
  }
  return seen;
}

function textOf(counts: Map<string, number>): string {
  return [...counts].map(([server, count]) => `${server} ${count}`).join(', ');
}

async function checkFigures(lab: TestLab): Promise<void> {
  const seen = await visit(lab, VISITS);
  const isEven = [...seen.values()].every((count) => count === VISITS / 3);
  report.check(
    `${VISITS} connections in turn: a third each, spliced or not`,
    seen.size === 3 && isEven,
    textOf(seen),
  );
  await delay(200);
  const servers = await lab.admin<StandingView[]>('switch', '/servers');
  const figures = servers.map(({ name, state, active, ready }) => {
    return `${name} ${state} ${active} open ${ready} taken over`;
  });
  const isRight = servers.every(({ state, active, ready }) => {
    return state === 'up' && active === 0 && ready === VISITS / 3;
  });
  report.check('figures count spliced servers as the others', isRight, figures.join(', '));
}

/** Its host answers with resets: no byte was delivered, so others are asked. */
async function checkAway(lab: TestLab): Promise<void> {
  process.kill(lab.hosts['server3']!.programs['web']!, 'SIGKILL');
  await delay(200);
  const seen = await visit(lab, 12);
  const isRight = !seen.has('server3') && [...seen.keys()].every((name) => /^server\d$/.test(name));
  report.check('a spliced server refuses: others answer, 0 errors', isRight, textOf(seen));
}

async function checkCleanUp(lab: TestLab): Promise<void> {
  process.kill(lab.hosts['switch']!.programs['baton']!, 'SIGTERM');
  await delay(1500);
  const script = 'ip -o link; ip route show table all; ip -6 route show table all; ip addr';
  const { stdout } = await lab.run('switch', ['sh', '-c', script]);
  const left = stdout.split('\n').filter((line) => /splice0|10\.83\.|fd83:/.test(line));
  report.check('after its end nothing of it is on the host', left.length === 0, left.join('; '));
}

for (const { what, ...options } of LABS) {
  await report.part(what, () =>
    withSplicedLab(options, async (lab) => {
      await checkTransfers(lab, report, what, '10M');
      await checkPeers(lab, report, what, options.proxy === true);
      await checkNothingLeft(lab, report, what);
      await checkFaults(report, lab, ['switch', 'server1']);
    }),
  );
}
for (const family of ['IPv4', 'IPv6'] as const) {
  await report.part(`moves, ${family}`, () =>
    withMovesLab({ splice: 2, family }, (lab) => checkMoves(lab, family)),
  );
}
await report.part('figures', () =>
  withSplicedLab({}, async (lab) => {
    await checkFigures(lab);
    await checkAway(lab);
    await checkCleanUp(lab);
  }),
);
report.finish();
