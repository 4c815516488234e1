// How much later the first byte of a reply comes through switch and agent than from the same server by the
// same router, and where the time goes. The client (handoff/client.c) fetches 1 kB from both in turn, each
// time on a new connection; idle, and while wrk makes new connections at 50 and 90 % of the rate that the
// switch's host reaches. The steps are seen by tcpdump, in a run of their own.
// node build/bench-handoff.mjs [--visits N] [--idle]: only without a load
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VIP4, VIP_PORT } from '../src/lab/topology.ts';
import { cpuSeconds } from '../test/support/cpu.ts';
import { openDirectPath } from '../test/support/direct-path.ts';
import { withLab, type TestLab } from '../test/support/lab.ts';
import { capture, stepsOf, type Stamps } from './handoff/steps.ts';
import { Sheet } from './report/sheet.ts';

const TARGET = '/1k';
const IDLE_PAUSE_US = 4000; // whatever a connection leaves to be done is done before the next one
const SHARES = [50, 90];
const CONNECTIONS = 16;
const WARM_UP = 200;
const LOAD_SECONDS = 120; // it is ended before
const FULL_SECONDS = 4;
const SETTLE_MS = 500;
const PLACES = ['baton', 'direct'] as const;
const PERCENTILES = { p50: 0.5, p90: 0.9, p99: 0.99, max: 1 };
const LIMITS_US: Partial<Record<keyof typeof PERCENTILES, number>> = { p50: 300, p99: 2000 };

const { values } = parseArgs({
  options: { visits: { type: 'string', default: '2000' }, idle: { type: 'boolean' } },
});
const visits = Number(values.visits);
const sheet = new Sheet(
  'handoff',
  'Time to the first byte through switch and agent beside a direct connection, and where it goes.',
);
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
const client = join(folder, 'client');

function compileClient(): void {
  const source = fileURLToPath(new URL('../bench/handoff/client.c', import.meta.url));
  execFileSync('gcc', ['-O2', '-o', client, source]);
}

/** Visits to the VIP and to the server in turn, by place. */
async function visit(lab: TestLab, near: string, count: number): Promise<Stamps[][]> {
  const direct = near.split(':') as [string, string];
  const places = [VIP4, String(VIP_PORT), ...direct];
  const words = [client, String(count), String(IDLE_PAUSE_US), TARGET, ...places];
  const { status, stdout, stderr } = await lab.run('client', words, { timeout: 120_000 });
  if (status !== 0) throw new Error(`bench: client: ${stderr}`);
  const found: Stamps[][] = PLACES.map(() => []);
  for (const line of stdout.trim().split('\n')) {
    const [place, port, ...stamps] = line.split(' ');
    const [start, connected, sent, first] = stamps.map((stamp) => Number(stamp) / 1e3);
    const visit = { port: Number(port), start, connected, sent, first } as Stamps;
    found[Number(place)]!.push(visit);
  }
  return found;
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** What the sheet shows of one distribution, and says on the terminal. */
function show(subject: string, form: string, us: number[]): Float64Array {
  const sorted = Float64Array.from(us).sort();
  const words = Object.entries(PERCENTILES).map(([name, share]) => {
    const value = percentile(sorted, share);
    sheet.figure({ subject: `${subject} at ${name}`, form, unit: 'us', samples: [value] });
    return `${name} ${value.toFixed(0)}`;
  });
  console.log(`     ${subject}, ${form}: ${words.join(', ')} us`);
  return sorted;
}

/** Both places' times, and what baton adds; `asks`: within the limits. */
function compare(load: string, [ours, direct]: Stamps[][], asks: boolean): void {
  const parts = {
    connected: ({ start, connected }: Stamps) => connected - start,
    'us added to the first byte': ({ start, first }: Stamps) => first - start,
  };
  for (const [part, take] of Object.entries(parts)) {
    const subject = `${load}, ${part}`;
    const through = show(subject, 'baton', ours!.map(take));
    const near = show(subject, 'direct', direct!.map(take));
    if (part === 'connected') continue;
    for (const [name, share] of Object.entries(PERCENTILES)) {
      const limit = asks ? LIMITS_US[name as keyof typeof PERCENTILES] : undefined;
      const added = percentile(through, share) - percentile(near, share);
      const asked = limit === undefined ? undefined : `at most ${limit}`;
      sheet.ratio(`${subject} at ${name}`, added, asked);
    }
  }
}

async function showSteps(lab: TestLab, near: string, count: number): Promise<void> {
  const { result, seen } = await capture(lab, ['switch', 'server1'], () => visit(lab, near, count));
  const steps = result[0]!
    .map((one) => stepsOf(one, seen[0]!, seen[1]!))
    .filter((one) => one !== undefined);
  sheet.note(`steps of ${steps.length} of ${count} connections, while tcpdump runs:`);
  for (const name of Object.keys(steps[0] ?? {})) {
    const us = steps.map((step) => step[name]!);
    show('idle, step', name, us);
  }
}

/** wrk with a new connection for each request; `delayMs` between two of one of its connections. */
function startLoad(lab: TestLab, delayMs: number, seconds: number): ChildProcess {
  const script = join(folder, `load-${delayMs.toFixed(2)}.lua`);
  const delay = delayMs > 0 ? `function delay() return ${Math.round(delayMs)} end\n` : '';
  writeFileSync(script, `${delay}wrk.headers["Connection"] = "close"\n`);
  const wrk = ['wrk', '-t', '1', '-c', String(CONNECTIONS), '-d', `${seconds}s`, '-s', script];
  const [program, ...args] = lab.inside('client', [...wrk, `http://${VIP4}${TARGET}`]);
  return spawn(program!, args, { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function handoffs(lab: TestLab): Promise<number> {
  const { control } = await lab.stats('switch');
  return (control as { handoffs: number }).handoffs;
}

interface Rate {
  perSecond: number;
  /** of one CPU, by the switch's process */
  share: number;
}

async function rateOver(lab: TestLab, seconds: number): Promise<Rate> {
  const pid = lab.hosts['switch']!.programs['baton']!;
  const begin = [await handoffs(lab), cpuSeconds(pid), performance.now()] as const;
  await sleep(seconds * 1000);
  const took = (performance.now() - begin[2]) / 1000;
  const share = (cpuSeconds(pid) - begin[1]) / took;
  return { perSecond: ((await handoffs(lab)) - begin[0]) / took, share };
}

async function end(load: ChildProcess): Promise<void> {
  load.kill('SIGTERM');
  if (load.exitCode === null && load.signalCode === null) await once(load, 'exit');
  await sleep(SETTLE_MS);
}

async function underLoad(lab: TestLab, near: string): Promise<void> {
  const full = startLoad(lab, 0, LOAD_SECONDS);
  await sleep(SETTLE_MS);
  const most = await rateOver(lab, FULL_SECONDS);
  await end(full);
  const cpu = (share: number): string => `the switch's process has ${(100 * share).toFixed(0)} %`;
  sheet.note(`full load: ${most.perSecond.toFixed(0)} new connections/s, ${cpu(most.share)}`);
  for (const share of SHARES) {
    const delayMs = (CONNECTIONS * 1000) / ((most.perSecond * share) / 100);
    const latencyMs = (CONNECTIONS * 1000) / most.perSecond;
    const load = startLoad(lab, Math.max(1, delayMs - latencyMs / 4), LOAD_SECONDS);
    await sleep(SETTLE_MS);
    const measured = visit(lab, near, Math.ceil(visits / 2));
    const rate = await rateOver(lab, FULL_SECONDS);
    const stamps = await measured;
    await end(load);
    const reached = (100 * rate.perSecond) / most.perSecond;
    sheet.note(`${share} % wanted, ${reached.toFixed(0)} % reached, ${cpu(rate.share)} of a CPU`);
    compare(`${share} % load`, stamps, false);
  }
}

try {
  compileClient();
  await withLab({ servers: 1, server: 'nginx' }, async (lab) => {
    const near = await openDirectPath(lab);
    await visit(lab, near, WARM_UP);
    compare('idle', await visit(lab, near, visits), true);
    await showSteps(lab, near, Math.ceil(visits / 4));
    if (!values.idle) await underLoad(lab, near);
  });
} finally {
  rmSync(folder, { recursive: true });
}
sheet.finish();
