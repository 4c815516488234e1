// Packets that the `tun` engine forwards per CPU-second against a C read/write loop without a table, compiled
// on the spot. Each has a TUN of its own in a namespace between a sender (CPU 0, full speed) and a sink that
// drops; the forwarders have CPU 1. Both stay up, and the route changes between them every fraction of a
// second: what else happens on the machine hits both alike. Packets are counted by the device towards the
// sink, CPU time is user + system of the forwarder alone. The median of the pairs' ratios counts.
// node build/bench-tun.mjs [--limit RATIO] [--pairs N]: fails when a ratio ours / C is below
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { insideNamespace } from '../src/lab/host-process.ts';
import * as namespaces from '../src/lab/namespaces.ts';
import type { HostPlan, Topology } from '../src/lab/topology.ts';
import { median } from './report/sheet.ts';

const ENTRIES = [1, 1000];
const WARM_UP_PAIRS = 3;
const SETTLE_MS = 20; // after the route's change the old forwarder empties its queue
const SLICE = 0.15; // CPU seconds of the forwarder: on a busy machine it takes longer, and measures as much
const SLICE_LIMIT_MS = 20_000;
const STEP_MS = 20;
const SENDER_CPU = '0';
const FORWARDER_CPU = '1';
const SERVER = { address: '10.91.0.1', port: '8080' };
const SENDER_SECONDS = '3600'; // it is ended long before

const { values } = parseArgs({
  options: { limit: { type: 'string' }, pairs: { type: 'string', default: '20' } },
});
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
const labName = namespaces.newLabName();

function host(name: string, routes: string[]): HostPlan {
  const settings: [string, string][] = ['all', 'default'].map((scope) => [
    `net/ipv4/conf/${scope}/rp_filter`,
    '0',
  ]);
  settings.push(['net/ipv4/ip_forward', '1']);
  return { name, kind: 'router', routes, rules: [], settings };
}

const topology: Topology = {
  hosts: [
    host('sender', ['192.0.2.80 via 10.90.1.1']),
    host('forwarder', [`${SERVER.address} via 10.90.2.2`]),
    host('sink', [`blackhole ${SERVER.address}`]),
  ],
  links: [
    {
      ends: [
        { host: 'sender', device: 'eth0', addresses: ['10.90.1.2/24'] },
        { host: 'forwarder', device: 'in0', addresses: ['10.90.1.1/24'] },
      ],
    },
    {
      ends: [
        { host: 'forwarder', device: 'out0', addresses: ['10.90.2.1/24'] },
        { host: 'sink', device: 'eth0', addresses: ['10.90.2.2/24'] },
      ],
    },
  ],
  switches: [],
  bridges: [],
  dispatchers: [],
  front: 'apart',
  servers: [],
  hidden: [],
};

function run(hostName: string, cpu: string, command: string[]): ChildProcess {
  const namespace = namespaces.namespaceOf(labName, hostName);
  const [program, ...args] = insideNamespace(namespace, ['taskset', '-c', cpu, ...command]);
  return spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

function ip(...words: string[]): void {
  const forwarder = namespaces.namespaceOf(labName, 'forwarder');
  execFileSync('ip', ['-n', forwarder, ...words.flatMap((text) => text.split(' '))]);
}

function compileRival(): string {
  const source = fileURLToPath(new URL('../bench/rivals/tun.c', import.meta.url));
  const program = join(folder, 'tun');
  execFileSync('gcc', ['-O3', '-march=native', '-o', program, source]);
  return program;
}

interface Sample {
  /** user + system */
  cpuSeconds: number;
  atMs: number;
  forwarded: number;
  /** packets that found the TUN's queue full */
  overflowed: number;
}

interface Forwarder {
  device: string;
  child: ChildProcess;
}

async function start(device: string, command: string[]): Promise<Forwarder> {
  const child = run('forwarder', FORWARDER_CPU, command);
  const first = String((await once(child.stdout!, 'data'))[0]);
  if (!first.startsWith('ready')) throw new Error(`bench: the forwarder said ${first}`);
  ip(`link set ${device} up`);
  return { device, child };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** /proc shows a process's own namespace: all figures are read at the same moment, without a program. */
function sample({ device, child }: Forwarder): Sample {
  const pid = child.pid!;
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  const devices = readFileSync(`/proc/${pid}/net/dev`, 'utf8').split('\n');
  // after the name 8 columns of receiving, then bytes, packets, errs, drop of sending
  const column = (name: string, index: number): number =>
    Number(
      devices
        .find((line) => line.trim().startsWith(`${name}:`))!
        .split(':')[1]!
        .trim()
        .split(/\s+/)[index],
    );
  return {
    cpuSeconds: nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1e9,
    atMs: performance.now(),
    forwarded: column('out0', 9),
    overflowed: column(device, 11),
  };
}

interface Slice {
  packetsPerCpuSecond: number;
  /** of the CPU's time */
  share: number;
  /** its queue was full at times */
  isLoaded: boolean;
}

/** All packets go to that forwarder until it has used its slice of CPU time. */
async function measure(forwarder: Forwarder): Promise<Slice> {
  ip(`route replace 192.0.2.80 dev ${forwarder.device}`);
  await sleep(SETTLE_MS);
  const before = sample(forwarder);
  for (;;) {
    await sleep(STEP_MS);
    const after = sample(forwarder);
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    const wallMs = after.atMs - before.atMs;
    if (wallMs > SLICE_LIMIT_MS) throw new Error(`bench: no load on ${forwarder.device}`);
    if (cpuSeconds < SLICE) continue;
    return {
      packetsPerCpuSecond: (after.forwarded - before.forwarded) / cpuSeconds,
      share: (cpuSeconds * 1000) / wallMs,
      isLoaded: after.overflowed > before.overflowed,
    };
  }
}

function describe(name: string, slices: Slice[]): string {
  const kilo = slices.map((slice) => slice.packetsPerCpuSecond / 1000);
  const share = median(slices.map((slice) => slice.share * 100)).toFixed(0);
  const idle = slices.filter((slice) => !slice.isLoaded).length;
  return (
    `${name} ${median(kilo).toFixed(0)} k (best ${Math.max(...kilo).toFixed(0)} k, ` +
    `${share} % of its CPU${idle > 0 ? `, ${idle} of ${slices.length} not at full load` : ''})`
  );
}

function program(name: string): string {
  return fileURLToPath(new URL(`./programs-${name}.mjs`, import.meta.url));
}

/** Returns the median of the pairs' ratios, ours / C. */
async function compare(entries: number, rival: string): Promise<number> {
  const flows = ['--sources', `198.18.0.0:${entries}`, '--port', '4242'];
  const forever = ['--flags', 'ack', '--rate', '0', '--seconds', SENDER_SECONDS];
  const to = ['--to', `${SERVER.address}:${SERVER.port}`];
  const children: ChildProcess[] = [];
  const theirs: Slice[] = [];
  const ours: Slice[] = [];
  try {
    const c = await start('tun0', [rival, 'tun0', SERVER.address, SERVER.port]);
    children.push(c.child);
    const engine = ['node', program('tun-forwarder'), '--device', 'tun1', ...flows, ...to];
    const tun = await start('tun1', engine);
    children.push(tun.child);
    children.push(run('sender', SENDER_CPU, ['node', program('raw-sender'), ...flows, ...forever]));
    for (let pair = 0; pair < WARM_UP_PAIRS + Number(values.pairs); pair++) {
      theirs.push(await measure(c));
      ours.push(await measure(tun));
    }
  } finally {
    await Promise.all(children.map(end));
  }
  theirs.splice(0, WARM_UP_PAIRS);
  ours.splice(0, WARM_UP_PAIRS);
  const ratio = median(
    ours.map((slice, pair) => slice.packetsPerCpuSecond / theirs[pair]!.packetsPerCpuSecond),
  );
  console.log(
    `tun, ${entries} entries, packets per CPU-second: ${describe('tun', ours)}, ` +
      `${describe('C', theirs)}; ratio to C ${ratio.toFixed(2)}`,
  );
  return ratio;
}

try {
  const rival = compileRival();
  namespaces.createNamespaces(labName, topology);
  const ratios: number[] = [];
  for (const entries of ENTRIES) ratios.push(await compare(entries, rival));
  if (values.limit !== undefined && Math.min(...ratios) < Number(values.limit))
    process.exitCode = 1;
} finally {
  namespaces.removeNamespaces(labName);
  rmSync(folder, { recursive: true, force: true });
}
