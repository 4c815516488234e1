// Whatever dies, the connections that do not depend on it go on, and new ones find their way.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../src/clock.ts';
import { AGENT_PORT, VIP4 } from '../../src/lab/topology.ts';
import type { Visit } from '../programs/steady-visits.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import * as mortal from '../programs/mortal-host.ts';

const report = new Report();
const LOSS = { lossPercent: 1, delayMs: 0, reorderPercent: 0, seed: 1 };
const NEW_LIMIT_MS = 5000;
const VISITS_SECONDS = 12;
const VISIT_INTERVAL_MS = 100;
const DOWNLOADS = 20;
/** At 2 MB/s a download takes longer than an outage. */
const LENGTH = 20_000_000;
const MORTAL = new URL('./programs-mortal-host.mjs', import.meta.url);

interface Download {
  server: string;
  whole: boolean;
}

/** Slow downloads side by side; each says its server, which comes first in the stream's headers. */
async function downloads(lab: TestLab, count: number): Promise<Download[]> {
  const get =
    `curl -s -m 50 --limit-rate 2M -o /dev/null ` +
    `-w '%{http_code} %{size_download} %header{x-server}\\n' $BATON_URL/bytes/${LENGTH}?$i`;
  const script = `for i in $(seq ${count}); do ${get} & done; wait`;
  const { stdout } = await lab.run('client', ['sh', '-c', script]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [status, length, server = ''] = line.split(' ');
      return { server, whole: status === '200' && Number(length) === LENGTH };
    });
}

/** Steady new connections from now on. */
async function visits(lab: TestLab): Promise<Visit[]> {
  const program = fileURLToPath(new URL('./programs-steady-visits.mjs', import.meta.url));
  const args = [VIP4, String(VISIT_INTERVAL_MS), String(VISITS_SECONDS)];
  const { stdout } = await lab.run('client', [process.execPath, program, ...args]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '[]') as Visit[];
}

const kill = (lab: TestLab, host: string, program: 'baton' | 'web') =>
  process.kill(lab.hosts[host]!.programs[program]!, 'SIGKILL');

/** Takes the agent's control channel away, both ways, and nothing else. */
async function cutControl(lab: TestLab, name: string, ms: number): Promise<void> {
  const { address } = lab.topology.servers.find((server) => server.name === name)!;
  const ways = [`to ${address} ipproto tcp dport`, `from ${address} ipproto tcp sport`];
  for (const action of ['add', 'del']) {
    for (const way of ways) {
      const rule = `rule ${action} ${way} ${AGENT_PORT} blackhole pref 50`;
      const { status, stderr } = await lab.run('router', ['ip', ...rule.split(' ')]);
      if (status !== 0) throw new Error(`ip ${rule}: ${stderr}`);
    }
    if (action === 'add') await sleep(ms);
  }
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
  const strike = (lab: TestLab) => process.kill(lab.hosts[host]!.programs['baton']!, signal);
  return { what, strike, breaksNone: true, workerOf: host };
}

/** Replaced threads, and the connections that they had locked. */
async function replacement(lab: TestLab, host: string): Promise<{ threads: number; lost: number }> {
  const { replacedThreads } = await lab.stats(host);
  const lost = [...lab.file(`${host}.log`).matchAll(/was replaced, (\d+) lost/g)];
  return {
    threads: replacedThreads,
    lost: lost.reduce((sum, [, count]) => sum + Number(count), 0),
  };
}

const DEATHS: Death[] = [
  { what: 'an agent is killed', strike: (lab) => kill(lab, 'server1', 'baton'), breaksNone: true },
  { what: 'the switch is killed', strike: (lab) => kill(lab, 'switch', 'baton'), breaksNone: true },
  {
    what: 'a server application is killed',
    strike: (lab) => kill(lab, 'server1', 'web'),
    breaksNone: false,
  },
  {
    what: 'a control channel is cut for 3 s',
    strike: (lab) => cutControl(lab, 'server1', 3000),
    breaksNone: true,
  },
  workerDeath('a worker of the switch throws', 'switch', mortal.WORKER_THROWS),
  workerDeath('a worker of the switch is terminated', 'switch', mortal.WORKER_IS_TERMINATED),
  workerDeath('a worker of the switch hangs', 'switch', mortal.WORKER_HANGS),
  workerDeath('a worker of an agent throws', 'server1', mortal.WORKER_THROWS),
  workerDeath('a worker of an agent is terminated', 'server1', mortal.WORKER_IS_TERMINATED),
];

async function checkDeath({ what, strike, breaksNone, workerOf }: Death): Promise<void> {
  const options = {
    servers: 2,
    supervised: true,
    policy: 'round-robin',
    hostile: LOSS,
    ...(workerOf === undefined ? {} : { workers: 2, program: MORTAL }),
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
    const wrong = begun.filter(({ outcome }) => !outcome.startsWith('200'));
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
      const replaced = await replacement(lab, workerOf);
      lost = replaced.lost;
      report.check(`${what}: it is replaced`, replaced.threads === 1, `${lost} connections locked`);
    }
    report.check(
      `${what}: ${breaksNone ? 'all' : "the other server's"} downloads are whole`,
      judged.length > 0 && broken <= lost,
      `${judged.length - broken} of ${judged.length}`,
    );
  });
}

async function checkRestart(): Promise<void> {
  await withLab({ servers: 1, supervised: true, hostile: LOSS }, async (lab) => {
    const running = downloads(lab, DOWNLOADS);
    const open = async () => (await lab.stats('switch')).table.used;
    for (let waited = 0; (await open()) < DOWNLOADS && waited < 50; waited += 1) await sleep(100);
    await sleep(500);
    kill(lab, 'server1', 'baton');
    const whole = (await running).filter(({ whole }) => whole).length;
    report.check(
      'an agent is killed and restarted during 20 downloads: none is broken',
      whole === DOWNLOADS,
      `${whole} of ${DOWNLOADS}`,
    );
  });
}

/** Only what has this word in its name, e.g. `worker`; everything without. */
const [only = ''] = process.argv.slice(2);
if ('agent restart'.includes(only)) await report.part('agent restart', checkRestart);
for (const death of DEATHS.filter(({ what }) => what.includes(only))) {
  await report.part(death.what, () => checkDeath(death));
}
report.finish();
