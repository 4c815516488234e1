// Clients of every kind while a switch dies, or routes change: the acceptance line `switch-death`.
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../src/clock.ts';
import { sendLoad } from '../../src/lab/send.ts';
import type { Visit } from '../../src/lab/steady-load.ts';
import { VIP4 } from '../../src/lab/topology.ts';
import type { Step } from '../programs/moving-client.ts';
import type { TestLab } from './lab.ts';
import { faultOf, move } from './moves.ts';
import { streamDigest, streamFile } from './transfer.ts';

/** Connections that are open when it happens, and clients that come meanwhile. */
export interface LoadPlan {
  idle: number;
  downloads: number;
  uploads: number;
  newPerSecond: number;
  /** of each download and upload, bytes/s */
  rate: number;
  /** between two requests of what is else idle, ms; absent: they come in the outage, and at the end */
  askMs?: number;
  /** from the first connection to the strike, and from there to the end of the load, s */
  beforeS: number;
  afterS: number;
}

export interface LoadOutcome {
  struckMs: number;
  /** what became of the connections that were open, '' = nothing wrong */
  idle: string[];
  downloads: string[];
  uploads: string[];
  /** begun from the strike on */
  visits: Visit[];
}

const ASK: Step = { method: 'GET', target: '/bytes/1000', bytes: 1000 };
/** An idle connection's next request comes so long after the strike. */
const SOON_S = 0.3;
const GRACE_S = 40;

interface Kind {
  connections: number;
  steps: Step[];
}

/** All that is idle for so long asks again in the outage, or when it is over. */
function idleKinds({ idle, beforeS, afterS, askMs }: LoadPlan): Kind[] {
  const lateMs = (beforeS + afterS) * 1000;
  if (askMs !== undefined) {
    const steps = Array.from({ length: lateMs / askMs }, () => ({ ...ASK, next: askMs }));
    return [{ connections: idle, steps }];
  }
  const soonMs = (beforeS + SOON_S) * 1000;
  const first = { ...ASK, next: soonMs };
  const some = Math.floor(idle / 2);
  return [
    { connections: some, steps: [first, { ...ASK, next: lateMs - soonMs }, ASK] },
    { connections: idle - some, steps: [{ ...ASK, next: lateMs }, ASK] },
  ];
}

async function idlers(lab: TestLab, plan: LoadPlan): Promise<string[]> {
  const each = idleKinds(plan).map(async (kind) => {
    const outcomes = await move(lab, kind);
    return outcomes.map((outcome) => faultOf(outcome, kind.steps.length));
  });
  return (await Promise.all(each)).flat();
}

/** Bytes that take from the first connection to the end of the load. */
function sizeOf({ rate, beforeS, afterS }: LoadPlan): number {
  return rate * (beforeS + afterS);
}

/** Runs the command so many times at once; each prints a line that should be `wanted`. */
async function atOnce(
  lab: TestLab,
  count: number,
  command: string,
  wanted: string,
  plan: LoadPlan,
): Promise<string[]> {
  if (count === 0) return [];
  const script = `for i in $(seq ${count}); do (echo $(${command})) & done; wait`;
  const timeout = (plan.beforeS + plan.afterS + GRACE_S) * 1000;
  const { stdout } = await lab.run('client', ['sh', '-c', script], { timeout });
  const lines = stdout.trim().split('\n');
  const faults = lines.map((line) => (line === wanted ? '' : line || 'nothing'));
  return [...faults, ...Array<string>(Math.max(0, count - lines.length)).fill('nothing')];
}

const CURL = 'curl -sS -m 60 --limit-rate';

function downloads(lab: TestLab, plan: LoadPlan): Promise<string[]> {
  const size = sizeOf(plan);
  const url = `$BATON_URL/bytes/${size}?$i`;
  const command = `${CURL} ${plan.rate} ${url} 2>&1 | sha256sum`;
  return atOnce(lab, plan.downloads, command, `${streamDigest(size)} -`, plan);
}

/** The server answers with the digest of what it got. */
function uploads(lab: TestLab, plan: LoadPlan): Promise<string[]> {
  const size = sizeOf(plan);
  const command = `${CURL} ${plan.rate} -T ${streamFile(lab, size)} $BATON_URL/upload/$i 2>&1`;
  return atOnce(lab, plan.uploads, command, streamDigest(size), plan);
}

async function visits(lab: TestLab, { newPerSecond, afterS }: LoadPlan): Promise<Visit[]> {
  const none = { downloads: 0, downloadBytes: 0, downloadRate: 0 };
  const plan = { address: VIP4, intervalMs: 1000 / newPerSecond, seconds: afterS, ...none };
  return (await sendLoad(lab, plan)).visits;
}

/** Connections that servers have. */
export async function openAtServers(lab: TestLab): Promise<number> {
  const servers = lab.topology.servers.map(({ name }) => name);
  const used = await Promise.all(servers.map(async (name) => (await lab.stats(name)).table.used));
  return used.reduce((sum, one) => sum + one, 0);
}

/**
 * A client's kernel takes megabytes before its program reads them, and is silent for long then. With less
 * room its ACKs come all the time.
 */
async function narrowClient(lab: TestLab): Promise<void> {
  const script = 'echo 4096 65536 131072 > /proc/sys/net/ipv4/tcp_rmem';
  const { status, stderr } = await lab.run('client', ['sh', '-c', script]);
  if (status !== 0) throw new Error(`tcp_rmem: ${stderr}`);
}

/** A SYN that was lost is sent again after a second. */
async function allOpen(lab: TestLab, plan: LoadPlan, deadlineMs: number): Promise<void> {
  const wanted = plan.idle + plan.downloads + plan.uploads;
  for (;;) {
    const there = await openAtServers(lab);
    if (there >= wanted) return;
    if (monotonicMs() >= deadlineMs) throw new Error(`${there} of ${wanted} connections are open`);
    await sleep(100);
  }
}

/** The whole load, and the strike in its middle. */
export async function underLoad(
  lab: TestLab,
  plan: LoadPlan,
  strike: () => unknown,
): Promise<LoadOutcome> {
  await narrowClient(lab);
  const startMs = monotonicMs();
  const open = Promise.all([idlers(lab, plan), downloads(lab, plan), uploads(lab, plan)]);
  await sleep(plan.beforeS * 1000 - 1000);
  await allOpen(lab, plan, startMs + plan.beforeS * 1000);
  // they end before all that is idle asks at once
  const coming = visits(lab, { ...plan, afterS: plan.afterS - 1 });
  await sleep(plan.beforeS * 1000 - (monotonicMs() - startMs));
  const struckMs = monotonicMs();
  await strike();
  const [[idle, loads, puts], seen] = await Promise.all([open, coming]);
  const begun = seen.filter(({ begunMs }) => begunMs >= struckMs);
  return { struckMs, idle, downloads: loads, uploads: puts, visits: begun };
}
