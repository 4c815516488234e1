// The switch dies and is started again, or a spare takes over: no connection breaks.
import { setTimeout as sleep } from 'node:timers/promises';
import { readSwitchFigures, reachedHosts } from '../../src/lab/figures.ts';
import * as strikes from '../../src/lab/strikes.ts';
import { LIVE } from '../floods/lab.ts';
import { LOSS } from '../support/agent-death.ts';
import { checkLive, forgedAcks, live, routeStrangers } from '../floods/senders.ts';
import { withLab, type TestLab, type TestLabOptions } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import { Paths, reshuffle } from '../support/reshuffle.ts';
import { underLoad, type LoadOutcome, type LoadPlan } from '../support/switch-death.ts';

const PLAN: LoadPlan = {
  idle: 500,
  downloads: 20,
  uploads: 10,
  newPerSecond: 50,
  rate: 1_000_000,
  beforeS: 6,
  afterS: 9,
};
const SERVICE_LIMIT_MS = 3000;
const AT_ONCE_MS = 2000;
/** A group asks an agent before handoffs until it has been away for so long. */
const DEAD_MS = 3000;

const report = new Report();

function judgeOpen(what: string, plan: LoadPlan, outcome: LoadOutcome): void {
  for (const kind of ['idle', 'downloads', 'uploads'] as const) {
    const faults = outcome[kind].filter((fault) => fault !== '');
    const all = outcome[kind].length;
    report.check(
      `${what}: ${kind}: none is broken`,
      all === plan[kind] && faults.length === 0,
      `${all - faults.length} of ${all} ${faults.slice(0, 3).join('; ')}`,
    );
  }
}

function judgeNew(what: string, plan: LoadPlan, { visits }: LoadOutcome): void {
  const wrong = visits.filter(({ outcome }) => outcome !== '200');
  const longest = Math.max(...visits.map(({ tookMs }) => tookMs));
  const faults = wrong.slice(0, 3).map(({ outcome }) => outcome);
  report.check(
    `${what}: no new client sees an error`,
    visits.length >= plan.newPerSecond * (plan.afterS - 3) && wrong.length === 0,
    `${visits.length - wrong.length} of ${visits.length}, in ${longest} ms or less ${faults}`,
  );
}

function judgeService(what: string, { visits, struckMs }: LoadOutcome): void {
  const first = Math.min(...visits.map(({ begunMs, tookMs }) => begunMs + tookMs)) - struckMs;
  const later = visits.filter(({ begunMs }) => begunMs >= struckMs + SERVICE_LIMIT_MS);
  const slowest = Math.max(...later.map(({ tookMs }) => tookMs));
  report.check(
    `${what}: a new client is answered within ${SERVICE_LIMIT_MS} ms`,
    first <= SERVICE_LIMIT_MS,
    `${Math.round(first)} ms`,
  );
  report.check(
    `${what}: who comes ${SERVICE_LIMIT_MS} ms after it is answered at once`,
    later.length > 0 && slowest <= AT_ONCE_MS,
    `${slowest} ms`,
  );
}

interface Scenario {
  what: string;
  options: Partial<TestLabOptions>;
  isServerDown: boolean;
}

const RESTART = { switches: 1, supervised: true };
const TAKEOVER = { switches: 2, front: 'spare' } as const;
const ONE_OF_TWO = { switches: 2, front: 'ecmp', supervised: true, hostile: LOSS } as const;
const SCENARIOS: Scenario[] = [
  ...[false, true].flatMap((isServerDown) => {
    const besides = isServerDown ? ', one server down' : '';
    return [
      { what: `restart${besides}`, options: RESTART, isServerDown },
      { what: `takeover${besides}`, options: TAKEOVER, isServerDown },
    ];
  }),
  { what: 'one of two, 1 % lost', options: ONE_OF_TWO, isServerDown: false },
];

/** Its host's link goes down; comes back when no switch waits for it any more. */
async function cutOff(lab: TestLab, server: string): Promise<void> {
  await lab.run('router', ['ip', 'link', 'set', server, 'down']);
  for (const { name } of lab.topology.switches) {
    while ((await reachedHosts(lab.directory, name)).includes(server)) await sleep(50);
  }
  await sleep(DEAD_MS);
}

async function run({ what, options, isServerDown }: Scenario): Promise<void> {
  await withLab({ servers: 3, policy: 'round-robin', ...options }, async (lab) => {
    if (isServerDown) await cutOff(lab, 'server3');
    const kill = (): void => strikes.killProgram(lab, 'switch', 'baton');
    const outcome = await underLoad(lab, PLAN, kill);
    judgeOpen(what, PLAN, outcome);
    judgeNew(what, PLAN, outcome);
    // a SYN that is lost twice costs 3 s, whoever serves
    if (!options.hostile) judgeService(what, outcome);
  });
}

/** Whose packets take another switch every second, and the other one again. */
const MOVING: LoadPlan = { ...PLAN, idle: 50, rate: 300_000, askMs: 400, beforeS: 5, afterS: 43 };
const TURNS = 40;
const TIMES_AT_EACH = 10;

async function checkReshuffle(): Promise<void> {
  await withLab({ servers: 3, policy: 'round-robin', switches: 2, front: 'ecmp' }, async (lab) => {
    const paths = new Paths(lab);
    await paths.ready();
    let turning: ReturnType<typeof reshuffle> | undefined;
    const outcome = await underLoad(lab, MOVING, () => {
      turning = reshuffle(lab, TURNS, 1000);
    });
    const seen = await paths.stop(await turning!);
    judgeOpen('reshuffle', MOVING, outcome);
    judgeNew('reshuffle', MOVING, outcome);
    const open = MOVING.idle + MOVING.downloads + MOVING.uploads;
    // new clients' are short
    const fewest = [...seen.values()].map((times) => Math.min(...times)).sort((a, b) => b - a);
    report.check(
      `reshuffle: each was seen at both switches ${TIMES_AT_EACH} times or more`,
      fewest.length >= open && fewest[open - 1]! >= TIMES_AT_EACH,
      `${fewest[0]} to ${fewest[open - 1]} times`,
    );
  });
}

const FLOOD_PER_SECOND = 100_000;
const FLOOD_S = 10;
/** What both switches' workers may show control in a second (strays.ts), and a bit more. */
const QUESTIONS_PER_SECOND = 2 * 320 * 1.1;

/** A switch that has just been started and knows nothing gets packets of connections that nobody has. */
async function checkForgedAcks(): Promise<void> {
  await withLab({ servers: 3, policy: 'round-robin', switches: 2, front: 'ecmp' }, async (lab) => {
    await routeStrangers(lab);
    strikes.killProgram(lab, 'switch', 'baton');
    await lab.startBaton('switch');
    const names = lab.topology.switches.map(({ name }) => name);
    const asked = async () => {
      const stats = await Promise.all(names.map((name) => readSwitchFigures(lab.directory, name)));
      return stats.reduce((sum, { control }) => sum + (control.askedForPackets ?? 0), 0);
    };
    const before = await asked();
    const clients = live(lab, LIVE, FLOOD_S);
    const { sent } = await forgedAcks(lab, FLOOD_PER_SECOND, FLOOD_S);
    const outcome = await clients;
    const perSecond = Math.round(((await asked()) - before) / FLOOD_S);
    report.note(`${sent} forged ACKs in ${FLOOD_S} s`);
    report.check(
      'forged ACKs: the switches ask about few of them',
      perSecond > 0 && perSecond <= QUESTIONS_PER_SECOND,
      `${perSecond} questions/s, at most ${QUESTIONS_PER_SECOND}`,
    );
    checkLive(report, 'forged ACKs', outcome);
  });
}

/** Parts by the beginnings of their names; none: all. */
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean =>
  wanted.length === 0 || wanted.some((word) => name.startsWith(word));

for (const scenario of SCENARIOS.filter(({ what }) => isWanted(what))) {
  await report.part(scenario.what, () => run(scenario));
}
if (isWanted('reshuffle')) await report.part('reshuffle', checkReshuffle);
if (isWanted('forged')) await report.part('forged ACKs', checkForgedAcks);
report.finish();
