// Requests by wrk from the lab's client, and what they cost on both CPUs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { streamChunks } from '../../src/lab/byte-stream.ts';
import type { TestLab } from '../../test/support/lab.ts';
import { busyMs, foreignMs, momentOf } from './busy-time.ts';
import { FRONT_CPU, OTHER_CPU } from './placement.ts';
import type { FrontEnd } from './rivals.ts';
import { spentBy, threadTimes } from './threads.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
const FOREIGN_SHARE = 0.05; // of a run's time: the figures are as good as that
const CALM_MS = 200;
const HEAD_BYTES = 300; // no less than a reply's head

export interface Load {
  bytes: number;
  keepAlive: boolean;
  connections: number;
  seconds: number;
}

/** Of one run. */
export interface Spent {
  requests: number;
  bytes: number;
  seconds: number;
  /** µs of CPU time for each request */
  front: number;
  all: number;
  /** ms */
  p50: number;
  p99: number;
  /** packets that the client sent for each MiB it got */
  clientPackets: number;
  /** µs of the front end's CPU for each request, by who had them */
  threads: Map<string, number>;
}

/** Busy share of each CPU when nobody asks for anything. */
export interface Idle {
  front: number;
  others: number;
}

const SCRIPT = `done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"bytes":%d,"us":%d,"p50":%d,"p99":%d,"errors":%d}\\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status))
end
`;

export function fileName(bytes: number): string {
  return `bytes-${bytes}`;
}

/** Files of these sizes for all servers, and wrk's script. */
export function writeFiles(lab: TestLab, sizes: number[]): void {
  writeFileSync(join(lab.directory, 'figures.lua'), SCRIPT);
  for (const bytes of sizes) {
    const file = join(lab.directory, 'www', fileName(bytes));
    writeFileSync(file, Buffer.concat([...streamChunks(bytes)]));
  }
}

interface Summary {
  requests: number;
  bytes: number;
  us: number;
  p50: number;
  p99: number;
  errors: number;
}

async function runWrk(lab: TestLab, url: string, load: Load): Promise<Summary> {
  const command = [
    'wrk',
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    '--timeout',
    '20s',
    '--script',
    join(lab.directory, 'figures.lua'),
    ...(load.keepAlive ? [] : ['-H', 'Connection: close']),
    `${url}/${fileName(load.bytes)}`,
  ];
  const { status, stdout, stderr } = await lab.run('client', command);
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (status !== 0 || line === undefined) throw new Error(`bench: wrk ${url}: ${stderr}${stdout}`);
  return JSON.parse(line) as Summary;
}

/** What one run of something took of both CPUs, in ms. */
interface Busy {
  wall: number;
  front: number;
  others: number;
  /** of programs that are not ours, on any CPU */
  foreign: number;
}

async function watch<Result>(run: () => Promise<Result>): Promise<[Result, Busy]> {
  const foreign = foreignMs();
  const before = [momentOf(FRONT_CPU), momentOf(OTHER_CPU)] as const;
  const result = await run();
  const after = [momentOf(FRONT_CPU), momentOf(OTHER_CPU)] as const;
  const busy = {
    wall: after[0].nowMs - before[0].nowMs,
    front: busyMs(before[0], after[0]),
    others: busyMs(before[1], after[1]),
    foreign: foreignMs() - foreign,
  };
  return [result, busy];
}

/** Waits for other programs of the machine, and repeats what they disturbed, as long as there is patience. */
class Patience {
  /** what is left of it in all (ms) */
  leftMs = 90_000;
  /** runs that count although they were disturbed, in ms of foreign CPU time */
  readonly disturbed: number[] = [];

  async watch<Result>(run: () => Promise<Result>): Promise<[Result, Busy]> {
    await this.#calm();
    let [best, busy] = await watch(run);
    while (busy.foreign > FOREIGN_SHARE * busy.wall && this.leftMs > 0) {
      await this.#calm();
      const [result, again] = await watch(run);
      this.leftMs -= again.wall;
      if (again.foreign < busy.foreign) [best, busy] = [result, again];
    }
    if (busy.foreign > FOREIGN_SHARE * busy.wall) this.disturbed.push(busy.foreign);
    return [best, busy];
  }

  async #calm(): Promise<void> {
    let before = foreignMs();
    while (this.leftMs > 0) {
      await sleep(CALM_MS);
      const now = foreignMs();
      if (now - before <= FOREIGN_SHARE * CALM_MS) return;
      before = now;
      this.leftMs -= CALM_MS;
    }
  }
}

export const patience = new Patience();

/** Without any load. */
export async function measureIdle(seconds: number): Promise<Idle> {
  const [, { wall, front, others }] = await patience.watch(() => sleep(seconds * 1000));
  return { front: front / wall, others: others / wall };
}

/** Reply bytes are not looked at: what is asked of them is asked elsewhere. */
export async function measure(
  lab: TestLab,
  { url, pid }: Pick<FrontEnd, 'url' | 'pid'>,
  load: Load,
  idle: Idle,
): Promise<Spent> {
  const run = async () => {
    const before = lab.counters('client')['eth0']!.sentPackets;
    const from = threadTimes(pid);
    const summary = await runWrk(lab, url, load);
    const sent = lab.counters('client')['eth0']!.sentPackets - before;
    return { ...summary, sent, from, to: threadTimes(pid) };
  };
  const [summary, busy] = await patience.watch(run);
  const { requests, bytes, us, p50, p99, errors, sent, from, to } = summary;
  if (errors > 0) throw new Error(`bench: ${errors} errors from ${url}, ${requests} requests`);
  const front = busy.front - idle.front * busy.wall;
  const others = busy.others - idle.others * busy.wall;
  // replies that were under way at the end count, too: of large ones they are many
  const replies = Math.max(requests, bytes / (load.bytes + HEAD_BYTES));
  const frontUs = (1000 * front) / replies;
  return {
    requests,
    bytes,
    seconds: us / 1e6,
    front: frontUs,
    all: (1000 * (front + others)) / replies,
    p50: p50 / 1000,
    p99: p99 / 1000,
    clientPackets: sent / (bytes / MIB),
    threads: spentBy(from, to, replies, frontUs),
  };
}
