// One transfer at a time over a link of 50 ms each way, through switch and agent and directly to the same
// nginx: with and without timestamps at least 0.8 of the direct speed.
import { VIP4 } from '../../src/lab/topology.ts';
import { openDirectPath } from '../support/direct-path.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import { streamFile } from '../support/transfer.ts';

const DELAY_MS = 50;
const LENGTH = 1e7;
const NAME = '10M';
const ROUNDS = 5;
const SHARE = 0.8;
const CURL = ['curl', '-sS', '-f', '--max-time', '50', '-o', '/dev/null', '-w', '%{time_total}'];

const report = new Report();

/** Megabytes per second, the connection's start included. */
async function speed(lab: TestLab, authority: string, upload: boolean): Promise<number> {
  const file = streamFile(lab, LENGTH);
  const way = upload
    ? ['-T', file, `http://${authority}/upload/slow-path`]
    : [`http://${authority}/${NAME}`];
  const { status, stdout, stderr } = await lab.run('client', [...CURL, ...way]);
  if (status !== 0) throw new Error(`curl ${authority}: ${stderr}`);
  return LENGTH / 1e6 / Number(stdout);
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

/** In turns, so that what the machine does meanwhile meets both alike. */
async function compare(lab: TestLab, what: string, direct: string, upload: boolean) {
  const speeds = { through: [] as number[], direct: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    // the kernels keep what a connection taught them of the path, per address
    await lab.run('client', ['ip', 'tcp_metrics', 'flush']);
    await lab.run('server1', ['ip', 'tcp_metrics', 'flush']);
    speeds.through.push(await speed(lab, VIP4, upload));
    speeds.direct.push(await speed(lab, direct, upload));
  }
  const share = median(speeds.through) / median(speeds.direct);
  const list = (numbers: number[]) => numbers.map((number) => number.toFixed(2)).join(' ');
  const seen = `${share.toFixed(2)}; MB/s ${list(speeds.through)}, direct ${list(speeds.direct)}`;
  report.check(`${what}: at least ${SHARE} of direct`, share >= SHARE, seen);
}

const hostile = { lossPercent: 0, delayMs: DELAY_MS, reorderPercent: 0, seed: 1 };
await report.part('slow path', () =>
  withLab({ server: 'nginx', hostile }, async (lab) => {
    const direct = await openDirectPath(lab);
    for (const timestamps of ['1', '0']) {
      const file = '/proc/sys/net/ipv4/tcp_timestamps';
      await lab.run('client', ['sh', '-c', `echo ${timestamps} > ${file}`]);
      const kind = timestamps === '1' ? 'with timestamps' : 'without timestamps';
      await compare(lab, `download, ${kind}`, direct, false);
      await compare(lab, `upload, ${kind}`, direct, true);
    }
  }),
);
report.finish();
