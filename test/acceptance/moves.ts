// Connections that move between servers at request boundaries: nginx, Apache and the echo server answer on
// one connection, which the client sees as one; rules hold for each request of it.
import { setTimeout as delay } from 'node:timers/promises';
import { killProgram } from '../../src/lab/strikes.ts';
import { checkFaults } from '../support/faults.ts';
import type { TestLab } from '../support/lab.ts';
import type { Outcome, Step } from '../programs/moving-client.ts';
import { faultOf, move, movesOf, withMovesLab } from '../support/moves.ts';
import { Report } from '../support/report.ts';

const REQUESTS = 1000;
const LEAST_MOVES = 400;
const UPLOAD = 1e7;
const SEED = 20261122;
/** Servers read it as /admin or as something else: no rule can tell. */
const FORBIDDEN = '/%61dmin';
const HOSTS = ['switch', 'server1', 'server2', 'server3'];
const report = new Report();

function get(target: string, bytes: number, next?: number): Step {
  return { method: 'GET', target, bytes, ...(next !== undefined && { next }) };
}

async function checkOne(lab: TestLab): Promise<void> {
  const before = await lab.stats('switch');
  const steps = { random: REQUESTS, seed: SEED };
  const started = Date.now();
  const [outcome] = await move(lab, { connections: 1, steps });
  const ms = (Date.now() - started) / REQUESTS;
  report.check(
    'one connection, 1,000 requests: all bytes right',
    faultOf(outcome!, REQUESTS) === '',
    faultOf(outcome!, REQUESTS) || `${ms.toFixed(2)} ms each`,
  );
  const servers = new Set(outcome!.seen.map(({ server }) => server));
  report.check(
    `at least ${LEAST_MOVES} moves`,
    movesOf(outcome!) >= LEAST_MOVES,
    `${movesOf(outcome!)} between ${[...servers].join(', ')}`,
  );
  const after = await lab.stats('switch');
  const cookies = after.total.counters['cookiesSent']! - before.total.counters['cookiesSent']!;
  report.check('the client opened one connection', cookies === 1, cookies);
}

async function checkUpload(lab: TestLab): Promise<void> {
  const put: Step = { method: 'PUT', target: '/upload/moved?to=first', bytes: UPLOAD };
  const steps = [get('/1k?to=second', 1e3), put, get('/upload/moved?to=first', UPLOAD)];
  const [outcome] = await move(lab, { connections: 1, steps });
  const seen = outcome!.seen.map(({ status, server }) => `${status} ${server}`).join(', ');
  report.check(
    'a 10 MB PUT as the moved request',
    faultOf(outcome!, 3) === '',
    faultOf(outcome!, 3) || seen,
  );
}

async function checkUnknownLength(lab: TestLab): Promise<void> {
  const chunked = get('/chunked/1000000?to=third', 1e6);
  const close = get('/until-close/400000?to=third', 4e5);
  const steps = [chunked, get('/1k?to=first', 1e3), chunked, get('/10k?to=second', 1e4), close];
  const [outcome] = await move(lab, { connections: 1, steps });
  report.check(
    'responses of unknown length: chunked ones move on, the last ends the connection',
    faultOf(outcome!, 5) === '',
    faultOf(outcome!, 5) || `${movesOf(outcome!)} moves`,
  );
}

async function checkSlow(lab: TestLab): Promise<void> {
  const slow = get('/slow/1500?to=third', -1, 100);
  const started = Date.now();
  const [outcome] = await move(lab, { connections: 1, steps: [slow, get('/1k?to=first', 1e3)] });
  const ms = Date.now() - started;
  const servers = outcome!.seen.map(({ server }) => server).join(', ');
  report.check(
    'a slow response, and the next request 0.1 s later: both answered, in order',
    faultOf(outcome!, 2) === '' && servers === 'server3, nginx',
    `${servers} in ${ms} ms ${outcome!.error}`,
  );
}

/** The last request is refused, those before it were answered. */
function checkRefused(what: string, { seen, error }: Outcome, before: number): void {
  const statuses = seen.map(({ status }) => status).join(' ');
  const answered = seen.slice(0, before).every(({ status, isRight }) => isRight && status === 200);
  const refused = seen.length === before + 1 && seen[before]!.status === 400;
  report.check(
    `${what}: a request that rules forbid is refused`,
    answered && refused && error === '',
    `${statuses} ${error}`,
  );
}

async function checkForbidden(lab: TestLab): Promise<void> {
  const forbidden = get(FORBIDDEN, -1);
  const moved = [get('/1k?to=first', 1e3), get('/1k?to=second', 1e3), forbidden];
  checkRefused('moved connection', (await move(lab, { connections: 1, steps: moved }))[0]!, 2);
  const pinned = [get('/slow/700?to=third', -1, 0), forbidden];
  checkRefused('pinned connection', (await move(lab, { connections: 1, steps: pinned }))[0]!, 1);
}

async function checkResynced(lab: TestLab): Promise<void> {
  const pause = { next: 4000 };
  const before = { ...get('/1k?to=first', 1e3), ...pause };
  const plans = [
    [before, get('/1k?to=second', 1e3), get(FORBIDDEN, -1)],
    [before, get(FORBIDDEN, -1)],
  ];
  const running = plans.map((steps) => move(lab, { connections: 5, steps }));
  await delay(1000);
  killProgram(lab, 'switch', 'baton');
  await lab.startBaton('switch');
  const [second, first] = (await Promise.all(running)) as [Outcome[], Outcome[]];
  checkRefused('resynced connection', first[0]!, 1);
  checkRefused('resynced and moved connection', second[0]!, 2);
  const bad = [...first, ...second].filter(({ error }) => error !== '').map(({ error }) => error);
  report.check(
    'a switch restarted under 10 idle connections: all go on',
    bad.length === 0,
    bad.join('; '),
  );
}

async function checkMany(lab: TestLab): Promise<void> {
  const steps = { random: 30, seed: SEED };
  const outcomes = await move(lab, { connections: 100, steps });
  const faults = outcomes.map((outcome) => faultOf(outcome, 30)).filter((fault) => fault !== '');
  const moves = outcomes.reduce((sum, outcome) => sum + movesOf(outcome), 0);
  report.check(
    '100 connections at once, --loss 1: all bytes right',
    faults.length === 0,
    faults.slice(0, 5).join('; ') || `${moves} moves`,
  );
}

await report.part('moves', () =>
  withMovesLab({}, async (lab) => {
    await checkOne(lab);
    await checkUpload(lab);
    await checkUnknownLength(lab);
    await checkSlow(lab);
    await checkForbidden(lab);
    await checkFaults(report, lab, HOSTS);
    await checkResynced(lab);
  }),
);
const hostile = { lossPercent: 1, delayMs: 0, reorderPercent: 0, seed: SEED };
await report.part('moves with loss', () =>
  withMovesLab({ hostile }, async (lab) => {
    await checkMany(lab);
    await checkFaults(report, lab, HOSTS);
  }),
);
report.finish();
