// One client's connections use many buckets and every worker.
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerFigures } from '../../src/admin/counters.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';
import type { Report } from '../support/report.ts';

const CONNECTIONS = 1000;
const WORKERS = 4;
/** of the buckets that fall to a fair hash: 65,536 buckets, 1,000 connections, some 8 of them in company */
const FEWEST_BUCKETS = 950;
/** of a worker's fair share */
const LEAST_SHARE = 0.4;
const OPEN_LIMIT_MS = 60_000;

async function openConnections(lab: TestLab): Promise<() => Promise<void>> {
  const program = programFile('open-client');
  const { BATON_VIP, BATON_PORT } = lab.environment;
  const command = ['node', program, BATON_VIP!, BATON_PORT!, String(CONNECTIONS)];
  const client = lab.startProgram('client', 'open', command);
  const end = Date.now() + OPEN_LIMIT_MS;
  while (!client.log().includes(`open ${CONNECTIONS}`)) {
    if (Date.now() > end) throw new Error(`not ${CONNECTIONS} open: ${client.log()}`);
    await delay(100);
  }
  return () => client.stop();
}

function checkShares(
  report: Report,
  what: string,
  workers: WorkerFigures[],
  counter: string,
): void {
  const counts = workers.map(({ counters }) => counters[counter]!);
  const fair = counts.reduce((sum, count) => sum + count, 0) / WORKERS;
  report.check(
    `${what}: every worker has its share (${counter})`,
    counts.length === WORKERS && counts.every((count) => count >= fair * LEAST_SHARE),
    counts.join(' + '),
  );
}

async function checkSpread(report: Report, table: 'keyed' | 'paper'): Promise<void> {
  await withLab({ servers: 1, server: 'echo', workers: WORKERS, table }, async (lab) => {
    const close = await openConnections(lab);
    for (const host of ['switch', 'server1']) {
      const what = `${table}, ${host}`;
      const { workers, table: figures } = await lab.stats(host);
      report.check(
        `${what}: ${CONNECTIONS} connections of one client stand in many buckets`,
        figures.states['forward'] === CONNECTIONS && figures.bucketsUsed >= FEWEST_BUCKETS,
        `${figures.used} entries in ${figures.bucketsUsed} of ${figures.buckets} buckets`,
      );
      checkShares(report, what, workers, host === 'switch' ? 'cookiesAccepted' : 'forwarded');
    }
    await close();
  });
}

export async function checkManyConnections(report: Report): Promise<void> {
  for (const table of ['keyed', 'paper'] as const) {
    await report.part(`${table}: many connections`, () => checkSpread(report, table));
  }
}
