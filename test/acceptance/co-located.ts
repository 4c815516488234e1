// A layer-4 switch in front of three hosts that each read requests and serve (Aron et al. 2000, figure 7):
// 3,000 connections, 300 at once.
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../src/clock.ts';
import type { TestLab } from '../support/lab.ts';
import {
  LINGER_MS,
  SWEEP_MS,
  controlOf,
  openEntries,
  placementOf,
  watchKept,
  withCoLocated,
} from '../support/co-located.ts';
import { programFile } from '../support/programs.ts';
import { Report } from '../support/report.ts';
import type { BurstOutcome } from '../programs/burst-client.ts';

const AT_ONCE = 300;
const ROUNDS = 10;
const COUNT = AT_ONCE * ROUNDS;
/** of connections that go to distributors: most by least */
const SHARES = 1.1;
const AFTER_MS = 5000;
/** an update that is not confirmed is sent again by then */
const CONFIRMED_MS = 3000;

const report = new Report();
const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);

async function burst(lab: TestLab): Promise<void> {
  const url = lab.environment['BATON_URL']!;
  const words = [url, String(AT_ONCE), '20000', String(ROUNDS)];
  const { stdout, stderr } = await lab.run(
    'client',
    ['node', programFile('burst-client'), ...words],
    {
      timeout: 120_000,
    },
  );
  if (stdout === '') throw new Error(stderr);
  const { answered, refused, reset, lost, wrong, slowestMs } = JSON.parse(stdout) as BurstOutcome;
  const others = `${refused.length} refused, ${reset.length} reset, ${lost.length} lost`;
  report.check(
    `${COUNT} connections, ${AT_ONCE} at once: every one is answered, each its own request`,
    answered.length === COUNT,
    `${answered.length} answered, ${others}, ${wrong.length} wrong, slowest ${slowestMs} ms`,
  );
}

/** What the hosts count when all updates are confirmed, or after a while. */
async function settledFigures(lab: TestLab): ReturnType<typeof placementOf> {
  for (const untilMs = monotonicMs() + CONFIRMED_MS; ; await sleep(100)) {
    const placement = await placementOf(lab);
    const figures = placement.distributors.map(controlOf);
    const isOpen = figures.some((each) => each.updatesConfirmed < each.updatesSent);
    if (!isOpen || monotonicMs() >= untilMs) return placement;
  }
}

async function checkFigures(lab: TestLab): Promise<void> {
  const { front, distributors } = await settledFigures(lab);
  const shares = controlOf(front).servers.map(({ handoffs }) => handoffs);
  report.check(
    "distributors' shares differ by at most 10 %",
    sum(shares) >= COUNT && Math.max(...shares) <= SHARES * Math.min(...shares),
    shares.join(' '),
  );
  const figures = distributors.map(controlOf);
  for (const [
    index,
    { ready, localHandoffs, updatesSent, updatesConfirmed },
  ] of figures.entries()) {
    report.check(
      `server${index + 1}: local handoffs sent no update, every other one did, and it was confirmed`,
      localHandoffs > 0 &&
        updatesSent > 0 &&
        updatesSent === ready - localHandoffs &&
        updatesConfirmed >= updatesSent,
      `${ready} ready, ${localHandoffs} local, ${updatesSent} updates, ${updatesConfirmed} confirmed`,
    );
  }
  for (const { resets, refused, failedReasons } of figures) {
    const troubles = { ...resets, ...refused, ...failedReasons };
    if (Object.keys(troubles).length > 0) report.note(JSON.stringify(troubles));
  }
  const sent = sum(figures.map(({ updatesSent }) => updatesSent));
  const { updatesSeen } = controlOf(front);
  report.check('the switch saw as many updates', updatesSeen >= sent, `${updatesSeen} of ${sent}`);
}

async function checkOpen(lab: TestLab): Promise<void> {
  const { front, distributors, agents } = await placementOf(lab);
  const parts = [front, ...distributors, ...agents];
  const open = parts.map(openEntries).filter((each) => each !== '');
  const seconds = AFTER_MS / 1000;
  const where = `on ${parts.length} tables`;
  report.check(
    `no open entry ${where} ${seconds} s after the end`,
    open.length === 0,
    open.join('; '),
  );
  const active = [front, ...distributors].flatMap((part) =>
    controlOf(part).servers.map((server) => server.active),
  );
  report.check('and no connection is counted for any host', sum(active) === 0, active.join(' '));
  await sleep(LINGER_MS + SWEEP_MS - AFTER_MS);
  const later = await placementOf(lab);
  const used = [later.front, ...later.distributors, ...later.agents].map(({ table }) => table.used);
  report.check('no entry at all after linger and one sweep', sum(used) === 0, used.join(' '));
}

async function checkPath(lab: TestLab): Promise<void> {
  const seen = await watchKept(lab, 12, 6);
  const { failed, requests, passed, idleSeconds, late, forwarded } = seen;
  report.check(
    'keep-alive connections go on while they change hosts',
    failed.length === 0 && requests > 100,
    `${requests} requests, ${failed.length} failed ${failed[0] ?? ''}`,
  );
  report.check(
    'nothing is forwarded through the old host after the confirmed update',
    passed > 0 && late === 0 && idleSeconds >= 3 && forwarded > 100,
    `${passed} passed on, ${late} late packets and ${forwarded} through the switch meanwhile, ` +
      `idle at the old host for ${idleSeconds} s`,
  );
}

await report.part('co-located', () =>
  withCoLocated({}, async (lab) => {
    await checkPath(lab);
    await burst(lab);
    await checkFigures(lab);
    await sleep(AFTER_MS);
    await checkOpen(lab);
  }),
);
report.finish();
