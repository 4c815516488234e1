// The dispatcher with and without batches: a process of its own, asked through the real channel (TLS).
import { askDispatcher } from '../../test/support/dispatch-pair.ts';
import type { Page } from './page.ts';
import type { Plot } from '../report/plot.ts';

const OUTSTANDING = [1, 2, 5, 10, 30, 100, 300, 1000];
const SECONDS = 1.5;

export interface BatchRow {
  /** requests that wait at a time; a batch holds all that came while the one before was answered */
  outstanding: number;
  /** of the dispatcher's processor time */
  perCpuSecond: number;
  /** mean */
  batch: number;
}

export async function measureBatching(): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for (const outstanding of OUTSTANDING) {
    const { load, cpuSeconds } = await askDispatcher(outstanding, SECONDS);
    const batch = load.decisions / load.batches;
    rows.push({ outstanding, perCpuSecond: load.decisions / cpuSeconds, batch });
  }
  return rows;
}

const TEXT =
  `Measured: a dispatcher (LARD, 8 servers) in a process of its own, asked over TLS on this ` +
  `machine's loopback. A distributor sends what has come when the batch before is answered, so ` +
  `the size of batches follows from how many requests wait. One request waiting is the case ` +
  `without batches: each goes in a message of its own. The rate is per second of the ` +
  `dispatcher's processor time. It runs with the machine's other work, and the distributor that` +
  ` asks shares the processors.`;

function rateText({ outstanding, perCpuSecond }: BatchRow): string {
  const batches = outstanding === 1 ? 'without batches' : `with ${outstanding} waiting`;
  return `${(perCpuSecond / 1000).toFixed(1)} k ${batches}`;
}

export function batchingPage(rows: readonly BatchRow[]): Page {
  const [alone, most] = [rows[0]!, rows.at(-1)!];
  const setUp = '300 MHz Pentium II, FreeBSD 2.2.6 (Aron et al. 2000, sections 4 and 6.1)';
  return {
    title: 'Throughput of a dispatcher with and without batches',
    text: [TEXT],
    figures: [
      {
        what: 'dispatcher, connections a second',
        setUp,
        paper: '50,000; its figures with and without batches were not found',
        ours: [most, alone].map(rateText).join(', '),
        why: 'another machine, TLS, JavaScript',
      },
      {
        what: 'gained by batches',
        setUp,
        paper: '"the bulk of the overhead is communication"',
        ours: `${(most.perCpuSecond / alone.perCpuSecond).toFixed(0)} times`,
        why: '',
      },
    ],
    tables: [
      {
        columns: ['requests waiting', 'mean batch', 'decisions for each CPU-second'],
        rows: rows.map(({ outstanding, batch, perCpuSecond }) => {
          return [String(outstanding), batch.toFixed(1), perCpuSecond.toFixed(0)];
        }),
      },
    ],
    plots: [plotOf(rows)],
  };
}

function plotOf(rows: readonly BatchRow[]): Plot {
  const alone = rows[0]!;
  return {
    name: 'batching',
    title: 'LARD decisions of a dispatcher over the size of batches',
    x: 'requests waiting',
    y: 'thousands for each CPU-second',
    isLogarithmic: true,
    series: [
      {
        name: 'batches as in the paper',
        points: rows.map((row) => [row.outstanding, row.perCpuSecond / 1000]),
      },
      {
        name: 'one request a message',
        points: rows.map((row) => [row.outstanding, alone.perCpuSecond / 1000]),
      },
    ],
  };
}
