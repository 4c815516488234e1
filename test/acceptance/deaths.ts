// Whatever dies, the connections that do not depend on it go on, and new ones find their way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../src/clock.ts';
import { sendLoad } from '../../src/lab/send.ts';
import type { Visit } from '../../src/lab/steady-load.ts';
import * as strikes from '../../src/lab/strikes.ts';
import { VIP4 } from '../../src/lab/topology.ts';
import { LOSS, checkAgentDeath, downloads } from '../support/agent-death.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';

const report = new Report();
const NEW_LIMIT_MS = 5000;
const VISITS_SECONDS = 12;
const VISIT_INTERVAL_MS = 100;
const CHAOS_SECONDS = 40;

/** Steady new connections from now on. */
async function visits(lab: TestLab): Promise<Visit[]> {
  const few = { downloads: 0, downloadBytes: 0, downloadRate: 0 };
  const plan = { address: VIP4, intervalMs: VISIT_INTERVAL_MS, seconds: VISITS_SECONDS, ...few };
  return (await sendLoad(lab, plan)).visits;
}

interface Death {
  what: string;
  strike: (lab: TestLab) => unknown;
  /** all connections go on: nothing that they need is lost */
  breaksNone: boolean;
  /** a thread of this host dies, not the host: it is to be replaced */
  workerOf?: string;
}

/** What it had locked at that moment may break: the host's log says how many connections that were. */
function workerDeath(what: string, host: string, signal: NodeJS.Signals): Death {
  const strike = (lab: TestLab) => strikes.strikeWorker(lab, host, signal);
  return { what, strike, breaksNone: true, workerOf: host };
}

const DEATHS: Death[] = [
  {
    what: 'an agent is killed',
    strike: (lab) => strikes.killProgram(lab, 'server1', 'baton'),
    breaksNone: true,
  },
  {
    what: 'the switch is killed',
    strike: (lab) => strikes.killProgram(lab, 'switch', 'baton'),
    breaksNone: true,
  },
  {
    what: 'a server application is killed',
    strike: (lab) => strikes.killProgram(lab, 'server1', 'web'),
    breaksNone: false,
  },
  {
    what: 'a control channel is cut for 3 s',
    strike: (lab) => strikes.cutControl(lab, 'server1', 3000),
    breaksNone: true,
  },
  workerDeath('a worker of the switch throws', 'switch', strikes.WORKER_THROWS),
  workerDeath('a worker of the switch is terminated', 'switch', strikes.WORKER_IS_TERMINATED),
  workerDeath('a worker of the switch hangs', 'switch', strikes.WORKER_HANGS),
  workerDeath('a worker of an agent throws', 'server1', strikes.WORKER_THROWS),
  workerDeath('a worker of an agent is terminated', 'server1', strikes.WORKER_IS_TERMINATED),
];

async function checkDeath({ what, strike, breaksNone, workerOf }: Death): Promise<void> {
  const options = {
    servers: 2,
    supervised: true,
    policy: 'round-robin',
    hostile: LOSS,
    ...(workerOf === undefined ? {} : { workers: 2, program: strikes.MORTAL_HOST }),
  };
  await withLab(options, async (lab) => {
    const loads = downloads(lab, 10);
    const coming = visits(lab);
    await sleep(3000);
    const struckMs = monotonicMs();
    await strike(lab);
    const [seen, loaded] = await Promise.all([coming, loads]);
    const begun = seen.filter(({ begunMs }) => begunMs >= struckMs);
    const slow = begun.filter(({ tookMs }) => tookMs > NEW_LIMIT_MS);
    const wrong = begun.filter(({ outcome }) => outcome !== '200');
    const slowest = Math.max(...begun.map(({ tookMs }) => tookMs));
    report.check(
      `${what}: connections begun from then on get their answer`,
      begun.length > 0 && wrong.length === 0,
      `${begun.length - wrong.length} of ${begun.length}; ${[...new Set(wrong.map((it) => it.outcome))]}`,
    );
    report.check(`${what}: within 5 s`, begun.length > 0 && slow.length === 0, `${slowest} ms`);
    const judged = breaksNone ? loaded : loaded.filter(({ server }) => server !== 'server1');
    const broken = judged.filter(({ whole }) => !whole).length;
    let lost = 0;
    if (workerOf !== undefined) {
      const { replacedThreads } = await lab.stats(workerOf);
      lost = strikes.lostWithWorkers(lab, workerOf);
      report.check(`${what}: it is replaced`, replacedThreads === 1, `${lost} connections locked`);
    }
    report.check(
      `${what}: ${breaksNone ? 'all' : "the other server's"} downloads are whole`,
      judged.length > 0 && broken <= lost,
      `${judged.length - broken} of ${judged.length}`,
    );
  });
}

/** Everything dies, in any order; the lab itself says what was not as it should be. */
async function checkChaos(servers: number, seed: number): Promise<void> {
  const baton = fileURLToPath(new URL('./baton.mjs', import.meta.url));
  const options = ['--servers', `${servers}`, '--loss', '1', '--seed', `${seed}`];
  const args = [baton, 'lab', '--chaos', `${CHAOS_SECONDS}`, ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [status] = (await once(child, 'close')) as [number | null];
  const what = `chaos with ${servers} servers, seed ${seed}: as it should be`;
  report.check(what, status === 0, `status ${status}`);
}

/** Only what has this word in its name, e.g. `worker`; everything without. */
const [only = ''] = process.argv.slice(2);
if ('agent restart'.includes(only))
  await report.part('agent restart', () => checkAgentDeath(report));
for (const death of DEATHS.filter(({ what }) => what.includes(only))) {
  await report.part(death.what, () => checkDeath(death));
}
if ('chaos'.includes(only)) await report.part('chaos', () => checkChaos(2, 1));
report.finish();
