// One-stream download through switch and agent against a direct connection to the same nginx: same client,
// same router, same hops. Rounds in turn on a running lab; the ratios of the best and of the medians.
// Once with a client that keeps what it got, in memory files, and once with one that throws it away: that
// client copies each byte once, so the two copies that the agent adds weigh most.
// node build/bench-download.mjs [--rounds N]
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VIP4 } from '../src/lab/topology.ts';
import { openDirectPath } from '../test/support/direct-path.ts';
import { withLab, type TestLab } from '../test/support/lab.ts';
import { median } from './report/sheet.ts';

const FILE = '100M';
const FILE_BYTES = 1e8;
const FILES = 8; // one after the other on one connection

const MEMORY_FILES = '/dev/shm';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });

/** Megabytes per second, the connection's start and the handoff included. */
async function download(lab: TestLab, authority: string, to: string): Promise<number> {
  const transfer = ['-o', to, `http://${authority}/${FILE}`];
  const form = '%{size_download} %{num_connects} %{time_total}\\n';
  const command = [
    'curl',
    '-sS',
    '-f',
    '-w',
    form,
    ...Array.from({ length: FILES }, () => transfer).flat(),
  ];
  const { status, stdout, stderr } = await lab.run('client', command);
  if (status !== 0) throw new Error(`bench: curl ${authority}: ${stderr}`);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number) as [number, number, number]);
  const sum = (column: 0 | 1 | 2): number => rows.reduce((total, row) => total + row[column], 0);
  if (sum(0) !== FILES * FILE_BYTES) throw new Error(`bench: ${sum(0)} bytes from ${authority}`);
  if (sum(1) !== 1) throw new Error(`bench: ${sum(1)} connections to ${authority}`);
  return sum(0) / sum(2) / 1e6;
}

function describe(name: string, speeds: number[]): string {
  const best = Math.max(...speeds).toFixed(0);
  return `${name} ${best} MB/s (median ${median(speeds).toFixed(0)} MB/s)`;
}

/** Rounds of one transfer through the agent and one directly. */
async function compare(lab: TestLab, name: string, near: string, to: string): Promise<void> {
  const through: number[] = [];
  const direct: number[] = [];
  for (let round = -1; round < Number(values.rounds); round++) {
    const pair = [await download(lab, VIP4, to), await download(lab, near, to)] as const;
    if (round < 0) continue; // the first warms up
    through.push(pair[0]);
    direct.push(pair[1]);
  }
  const best = Math.max(...through) / Math.max(...direct);
  const middle = median(through) / median(direct);
  console.log(
    `${name}: ${describe('through the agent', through)}, ${describe('direct', direct)}; ` +
      `ratio to direct ${best.toFixed(2)}, of the medians ${middle.toFixed(2)}`,
  );
}

const directory = mkdtempSync(join(existsSync(MEMORY_FILES) ? MEMORY_FILES : tmpdir(), 'baton-'));
try {
  await withLab({ servers: 1, server: 'nginx' }, async (lab) => {
    const near = await openDirectPath(lab);
    await compare(lab, 'download', near, join(directory, 'download'));
    await compare(lab, 'download thrown away', near, '/dev/null');
  });
} finally {
  rmSync(directory, { recursive: true });
}
