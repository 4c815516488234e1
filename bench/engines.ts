// Packets that each engine forwards, whole pipeline with table and counters, against a C loop on a TUN
// without a table (bench/rivals/tun.c, compiled on the spot), kernel forwarding and nftables DNAT. All stay
// up, and the route changes between them every fraction of a second: what else happens on the machine hits
// all alike. Packets are counted by the device towards the sink. Two figures of each slice:
//   per CPU-second    of the forwarder's process, user + system
//   whole path        per second with sender, forwarder and kernel on one CPU
// The median of the rounds' ratios counts. node build/bench-engines.mjs [--rounds N] [PART]...
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Path, SERVER, type Forwarder } from './engines/path.ts';
import { Sheet, median } from './report/sheet.ts';

const ENGINES = ['tun', 'packet', 'xdp'];
const RIVAL = 'C TUN loop';
const DNAT = 'nftables DNAT';
const ENTRIES = 1000;
const WARM_UP_MS = 2500; // until V8 has compiled what it will
const SETTLE_MS = 20; // after the route's change the old forwarder empties its queue
const SLICE_MS = 250;
const CPU = '1';

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '12' } },
  allowPositionals: true,
});
const FLOWS = ['--sources', `198.18.0.0:${ENTRIES}`, '--port', '4242'];
const sheet = new Sheet(
  'engines',
  'Packets through each engine, against a C TUN loop and the kernel.',
);
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));

function compileRival(): string {
  const source = fileURLToPath(new URL('../bench/rivals/tun.c', import.meta.url));
  const program = join(folder, 'tun');
  execFileSync('gcc', ['-O3', '-march=native', '-o', program, source]);
  return program;
}

function versionOf(program: string, ...words: string[]): string {
  return spawnSync(program, words, { encoding: 'utf8' }).stdout.split('\n')[0] ?? '';
}

interface Slice {
  perCpuSecond: number;
  perSecond: number;
}

async function measure(path: Path, forwarder: Forwarder, ms = SLICE_MS): Promise<Slice> {
  path.choose(forwarder);
  await sleep(SETTLE_MS);
  const before = path.sample(forwarder);
  await sleep(ms);
  const after = path.sample(forwarder);
  path.leave(forwarder);
  const packets = after.forwarded - before.forwarded;
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    perCpuSecond: packets / cpuSeconds,
    perSecond: (packets * 1000) / (after.atMs - before.atMs),
  };
}

/** Of each forwarder, its slices; all in turn, round by round. */
async function measureAll(path: Path, forwarders: Forwarder[]): Promise<Map<string, Slice[]>> {
  const slices = new Map(forwarders.map(({ name }): [string, Slice[]] => [name, []]));
  for (const forwarder of forwarders) {
    if (forwarder.child) await measure(path, forwarder, WARM_UP_MS);
  }
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const forwarder of forwarders) {
      slices.get(forwarder.name)!.push(await measure(path, forwarder));
    }
  }
  return slices;
}

function dnat(): Forwarder {
  const to = `${SERVER.address}:${SERVER.port}`;
  const chain =
    'chain pre { type nat hook prerouting priority dstnat; ip daddr 192.0.2.80 tcp dport 80 dnat to';
  return {
    name: DNAT,
    rules: [`nft 'table ip bench { ${chain} ${to}; }; }'`, 'nft delete table ip bench'],
  };
}

function ratiosOf(ours: number[], theirs: number[]): number {
  return median(ours.map((value, round) => value / theirs[round]!));
}

/** Sender and forwarders on one CPU. */
async function measureOneCpu(): Promise<void> {
  const path = new Path();
  try {
    const c = await path.start(RIVAL, 'tun0', CPU, [
      compileRival(),
      'tun0',
      SERVER.address,
      SERVER.port,
    ]);
    const forwarders = [c];
    for (const [index, engine] of ENGINES.entries()) {
      const how = { workers: 1, flows: FLOWS };
      forwarders.push(await path.startEngine(engine, `baton${index}`, CPU, how));
    }
    path.startSender(CPU, FLOWS);
    const slices = await measureAll(path, [...forwarders, { name: 'kernel forwarding' }, dnat()]);
    tellPerCpuSecond(slices);
    tellWholePath(slices);
  } finally {
    await path.close();
  }
}

function tellPerCpuSecond(slices: Map<string, Slice[]>): void {
  const of = (name: string): number[] => slices.get(name)!.map((slice) => slice.perCpuSecond);
  const asked: Record<string, string> = { tun: '0.8', packet: '1.5', xdp: '1.7' };
  for (const engine of ENGINES) {
    const subject = `${engine}, packets per CPU-second`;
    const unit = 'packets/CPU s';
    sheet.figure({ subject, form: engine, unit, samples: of(engine) });
    const version = versionOf('gcc', '--version');
    sheet.figure({ subject, form: RIVAL, version, unit, samples: of(RIVAL) });
    sheet.ratio(subject, ratiosOf(of(engine), of(RIVAL)), `at least ${asked[engine]}`);
  }
}

function tellWholePath(slices: Map<string, Slice[]>): void {
  const of = (name: string): number[] => slices.get(name)!.map((slice) => slice.perSecond);
  for (const form of [...slices.keys()].filter((name) => name !== DNAT)) {
    const subject = `${form}, whole path on one CPU`;
    const unit = 'packets/s';
    sheet.figure({ subject, form, unit, samples: of(form) });
    const version = versionOf('nft', '--version');
    sheet.figure({ subject, form: DNAT, version, unit, samples: of(DNAT) });
    const asked = form === 'xdp' ? 'at least 0.7' : undefined;
    sheet.ratio(subject, ratiosOf(of(form), of(DNAT)), asked);
  }
}

const PARTS: Record<string, () => Promise<void>> = { 'one-cpu': measureOneCpu };

try {
  const chosen = positionals.length > 0 ? positionals : Object.keys(PARTS);
  for (const part of chosen) await PARTS[part]!();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
sheet.finish();
