// Handoff against splicing over response sizes, in the lab: real kernels, nginx, baton as it runs.
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { Lab, type LabOptions } from '../../src/lab/cluster.ts';
import { isRoot } from '../../src/lab/rootless.ts';
import { VIP4 } from '../../src/lab/topology.ts';
import type { Page, Table } from './page.ts';
import type { Plot } from '../report/plot.ts';

const KIB = 1024;
/** [bytes of a response, connections] */
const SIZES = [
  [KIB, 1000],
  [10 * KIB, 1000],
  [100 * KIB, 200],
  [1024 * KIB, 60],
  [10 * 1024 * KIB, 12],
] as const;
const WARM_UP = 1500;
/** so many are all small in the co-located lab */
const FRONT_CONNECTIONS = 1000;
const AT_ONCE = 8;
const FILE = '100M';
const LIMIT_MS = 60_000;
const WAYS = ['handoff', 'splicing'] as const;

export const UNMEASURED = 'Not measured: it needs root, for the namespaces of the lab.';

/** µs of processor time for each connection with one request, by process. */
export interface Spent {
  /** the switch's host */
  front: number;
  /** the server's host, without its web server; 0 where nothing of baton runs there */
  agent: number;
}

export interface SizeRow {
  bytes: number;
  handoff: Spent;
  splicing: Spent;
}

/** Of all threads, as the kernel's scheduler counted it: in ns, where a process's own times are ticks. */
function microsecondsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => {
    const [spent] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return sum + Number(spent) / 1000;
  }, 0);
}

async function fetchAll(lab: Lab, bytes: number, count: number): Promise<void> {
  const url = `http://${VIP4}/${FILE}?[1-${count}]`;
  const curl = ['curl', '-sSf', '-Z', '--parallel-max', String(AT_ONCE), '-r', `0-${bytes - 1}`];
  const close = ['-H', 'Connection: close', '-w', '%{size_download}\\n', '-o', '/dev/null', url];
  const [program, ...words] = lab.inside('client', [...curl, ...close]);
  const { stdout } = await promisify(execFile)(program!, words, { timeout: LIMIT_MS });
  const whole = stdout.split('\n').filter((line) => line === String(bytes)).length;
  if (whole !== count) throw new Error(`papers: ${whole} of ${count} responses were whole`);
}

async function measureLab(
  options: Partial<LabOptions>,
  sizes: readonly (readonly [number, number])[],
): Promise<Spent[]> {
  const base = { servers: 1, server: 'nginx', workers: 1, switching: true } as const;
  const lab = new Lab({ ...base, ...options });
  const [front, agent] = ['switch', 'server1'].map((host) => () => {
    const pid = lab.hosts[host]!.programs['baton'];
    return pid === undefined ? 0 : microsecondsOf(pid);
  }) as [() => number, () => number];
  try {
    await lab.start();
    await fetchAll(lab, KIB, WARM_UP);
    const rows: Spent[] = [];
    for (const [bytes, count] of sizes) {
      const before = [front(), agent()] as const;
      await fetchAll(lab, bytes, count);
      rows.push({ front: (front() - before[0]) / count, agent: (agent() - before[1]) / count });
    }
    return rows;
  } finally {
    await lab.stop();
  }
}

export interface LabCosts {
  sizes: SizeRow[];
  /** µs for each connection at a switch in front of distributors, 1 KiB */
  front: number;
}

/** Undefined where there can be no lab. */
export async function measureInLab(): Promise<LabCosts | undefined> {
  if (!isRoot()) return undefined;
  const handoff = await measureLab({}, SIZES);
  const splicing = await measureLab({ splice: 1 }, SIZES);
  const small = [[KIB, FRONT_CONNECTIONS]] as const;
  const [inFront] = await measureLab({ servers: 2, placement: 'co-located' }, small);
  const sizes = SIZES.map(([bytes], at) => {
    return { bytes, handoff: handoff[at]!, splicing: splicing[at]! };
  });
  return { sizes, front: inFront!.front };
}

/** ns of the switch's host for each byte of a response, over the whole range of sizes. */
export function perByte(rows: readonly SizeRow[], way: 'handoff' | 'splicing'): number {
  const [first, last] = [rows[0]!, rows.at(-1)!];
  return (1000 * (last[way].front - first[way].front)) / (last.bytes - first.bytes);
}

function round(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

function ratioOf({ handoff, splicing }: Pick<SizeRow, 'handoff' | 'splicing'>): string {
  return (splicing.front / handoff.front).toFixed(2);
}

function sizeText(bytes: number): string {
  return bytes < 1024 * KIB ? `${bytes / KIB} KiB` : `${bytes / KIB / KIB} MiB`;
}

const TEXT =
  `Measured in the lab: one nginx with an agent, then the same without (--splice 1), ${AT_ONCE}` +
  ` clients at once, a connection for each request. It is the processor time of baton on the ` +
  `switch's host and, with an agent, on the server's: the kernel's forwarding between the ` +
  `namespaces and the web server are not in it; the polling of the workers is, and is most of ` +
  `it with few connections. All hosts share this machine, so that the figures compare the two ` +
  `ways and nothing else. With splicing the front end does the agent's work, too, and every ` +
  `byte of the response passes it; with a handoff only the client's acknowledgments do.`;

export function splicingPage(rows: readonly SizeRow[] = []): Page {
  const title = 'Handoff against splicing';
  const setUp = '300 MHz Pentium II, FreeBSD 2.2.6 (Aron et al. 2000, section 4)';
  if (rows.length === 0) {
    return { title, text: [UNMEASURED], figures: [], tables: [], plots: [] };
  }
  const ends = [rows[0]!, rows.at(-1)!];
  const [small] = ends as [SizeRow];
  return {
    title,
    text: [TEXT],
    figures: [
      {
        what: 'front end, a connection by handoff',
        setUp,
        paper: 'about 300 µs',
        ours: `${round(small.handoff.front)} µs (1 KiB)`,
        why: 'another machine, user space',
      },
      {
        what: 'front end, a connection by splicing',
        setUp,
        paper: 'more than 750 µs, more for larger responses',
        ours: ends
          .map((row) => `${round(row.splicing.front)} µs (${sizeText(row.bytes)})`)
          .join(', '),
        why: 'the same; packets are relayed, not bytes of two sockets',
      },
      {
        what: 'splicing over handoff',
        setUp,
        paper: 'more than 2.5 (computed)',
        ours: ends.map((row) => `${ratioOf(row)} (${sizeText(row.bytes)})`).join(', '),
        why: 'figures over response sizes were not found in the paper',
      },
      {
        what: 'front end, each byte of a response',
        setUp: '',
        paper: 'not found',
        ours: WAYS.map((way) => `${perByte(rows, way).toFixed(3)} ns by ${way}`).join(', '),
        why: '',
      },
    ],
    tables: [tableOf(rows)],
    plots: [plotOf(rows)],
  };
}

function tableOf(rows: readonly SizeRow[]): Table {
  return {
    columns: [
      'response',
      'handoff: switch, µs',
      "handoff: server's agent, µs",
      'splicing: switch, µs',
      'ratio',
    ],
    rows: rows.map(({ bytes, handoff, splicing }) => [
      sizeText(bytes),
      round(handoff.front),
      round(handoff.agent),
      round(splicing.front),
      ratioOf({ handoff, splicing }),
    ]),
  };
}

function plotOf(rows: readonly SizeRow[]): Plot {
  return {
    name: 'splicing',
    title: "Processor time of the switch's host for each byte",
    x: 'KiB of a response',
    y: 'ns of processor time for each byte',
    isLogarithmic: true,
    // the smallest is all handshake and would hide the others
    series: WAYS.map((way) => ({
      name: way,
      points: rows.slice(1).map((row) => [row.bytes / KIB, (1000 * row[way].front) / row.bytes]),
    })),
  };
}
