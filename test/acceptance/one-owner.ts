// Two switches of a group, routes that turn under open connections, 1 % loss, and channels that are cut or
// agents that stand still meanwhile: each connection is one server's, and no request runs twice.
// Usage: acceptance-one-owner.mjs [BEGINNING OF WHAT HAPPENS]
import { setTimeout as sleep } from 'node:timers/promises';
import { readSwitchFigures } from '../../src/lab/figures.ts';
import type { TestLab } from '../support/lab.ts';
import { cut, judge, markedLoad, strikeFelt, troubles } from '../support/one-owner.ts';
import { withGroupLab, withMarkedMoves } from '../support/one-owner.ts';
import type { Trouble, Verdict } from '../support/one-owner.ts';
import { Report } from '../support/report.ts';
import { reshuffle } from '../support/reshuffle.ts';

const LOAD = {
  seconds: 9,
  newPerSecond: 40,
  idle: 30,
  askMs: 300,
  slowHeads: 10,
  transfers: 10,
};
const BEFORE_MS = 1500;
const TROUBLE_MS = 3000;
const TURNS = 16;
const TURN_MS = 500;
/** What is answered in spite of a trouble; the rest is told that it is not. */
const LEAST_SHARE = 0.9;

const report = new Report();

function show(what: string, verdict: Verdict): void {
  const { requests, answered, broken } = verdict;
  const rules = [
    ['no connection is on two servers', verdict.onTwoServers],
    ['no client reads bytes of two servers', verdict.ofTwoServers],
    ['no POST runs twice', verdict.ranTwice],
    ['what is answered was run', verdict.neverRan],
  ] as const;
  for (const [rule, wrong] of rules) {
    const seen = `${wrong.length} of ${requests} ${wrong.slice(0, 3).join(' ')}`;
    report.check(`${what}: ${rule}`, wrong.length === 0, seen);
  }
  const faults = broken.slice(0, 3).map(({ connection, error }) => `${connection}: ${error}`);
  report.check(
    `${what}: requests are answered`,
    answered >= LEAST_SHARE * requests,
    `${answered} of ${requests}, ${broken.length} connections broken ${faults.join('; ')}`,
  );
}

async function handedAtBoth(lab: TestLab): Promise<number[]> {
  const names = lab.topology.switches.map(({ name }) => name);
  const figures = await Promise.all(names.map((name) => readSwitchFigures(lab.directory, name)));
  return figures.map(({ control }) => control.ready);
}

async function under(
  lab: TestLab,
  prefix: string,
  trouble: Trouble,
  logs: () => string[],
): Promise<void> {
  const { what } = trouble;
  const before = await handedAtBoth(lab);
  const load = markedLoad(lab, { ...LOAD, prefix });
  const turning = reshuffle(lab, TURNS, TURN_MS);
  await sleep(BEFORE_MS);
  const isFelt = await strikeFelt(lab, trouble, TROUBLE_MS);
  report.check(`${what}: it is felt`, isFelt);
  const outcomes = await load;
  await turning;
  show(what, judge(outcomes, logs()));
  const after = await handedAtBoth(lab);
  const handed = after.map((count, at) => count - before[at]!);
  report.check(`${what}: both switches hand over`, Math.min(...handed) > 0, handed.join(' and '));
}

const wanted = process.argv.slice(2);
const chosen = troubles(TROUBLE_MS).filter(
  ({ what }) => wanted.length === 0 || wanted.some((word) => what.startsWith(word)),
);
if (chosen.length > 0) {
  await report.part('two switches', () =>
    withGroupLab(async (lab, servers) => {
      const logs = () => servers.map((server) => server.log());
      for (const [index, trouble] of chosen.entries()) {
        await under(lab, `p${index}`, trouble, logs);
      }
    }),
  );
}

/** Nothing of it may get lost: a connection that its server gave back, and the switch does not know of it. */
const MOVES = {
  ...LOAD,
  idle: 60,
  askMs: 10,
  slowHeads: 4,
  transfers: 0,
  newPerSecond: 10,
  moves: true,
};
const OF_MOVES = { dialer: 'switch', listener: 'server1' };
const LOSSES = 3;
const LOST_MS = 1500;

async function checkLostReleases(lab: TestLab, logs: () => string[]): Promise<void> {
  const load = markedLoad(lab, { ...MOVES, prefix: 'moves' });
  await sleep(BEFORE_MS);
  const moved = async () => (await readSwitchFigures(lab.directory)).control.moves;
  const before = await moved();
  for (let count = 0; count < LOSSES; count += 1) {
    await cut(OF_MOVES, count === 0 ? 'both' : 'dialer', LOST_MS).strike(lab);
    await sleep(LOST_MS / 2);
  }
  const outcomes = await load;
  const { requests, answered, ranTwice, neverRan, broken } = judge(outcomes, logs());
  const foreign = outcomes.filter(({ foreign: count }) => count > 0);
  const what = 'released is lost';
  report.check(
    `${what}: no POST runs twice`,
    ranTwice.length === 0,
    ranTwice.slice(0, 3).join(' '),
  );
  report.check(`${what}: what is answered was run`, neverRan.length === 0, neverRan.length);
  report.check(
    `${what}: no answer has bytes of another server`,
    foreign.length === 0,
    foreign.length,
  );
  report.check(
    `${what}: connections move`,
    (await moved()) - before > 100,
    (await moved()) - before,
  );
  report.note(`${what}: ${answered} of ${requests} answered, ${broken.length} connections broken`);
}

if (wanted.length === 0 || wanted.some((word) => 'released'.startsWith(word))) {
  await report.part('released is lost', () =>
    withMarkedMoves((lab, servers) =>
      checkLostReleases(lab, () => servers.map((each) => each.log())),
    ),
  );
}
report.finish();
