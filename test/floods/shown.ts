import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { adminSocket } from '../../src/lab/cluster-config.ts';
import type { Report } from '../support/report.ts';
import type { TestLab } from '../support/lab.ts';
import { LIVE, figures } from './lab.ts';
import * as floods from './senders.ts';

/** A connection's packets in greater number than control can look at; and what an operator sees. */
export async function checkQueues(report: Report, lab: TestLab): Promise<void> {
  await floods.handshakes(lab, { count: 1, rate: 100 });
  const args = ['--sources', '198.18.0.0:1', '--port', 40_000, '--flags', 'ack', '--rate', 0];
  await floods.runProgram(
    lab,
    'raw-sender',
    [...args, '--seconds', 3, '--payload', 'x'.repeat(1400)],
    3,
  );
  const outcome = await floods.live(lab, LIVE, 3);
  const { total } = await lab.stats('switch');
  const dropped = total.drops['to-control-full'] ?? 0;
  report.check('control queue full: dropped and counted', dropped > 0, dropped);
  floods.checkLive(report, 'after a full control queue', outcome);
  const { counters, drops } = total;
  const sum = ['forwarded', 'answered', 'toControl'].reduce(
    (all, name) => all + counters[name]!,
    0,
  );
  const dropSum = Object.values(drops).reduce((all, one) => all + one, 0);
  report.check(
    'every packet was counted once',
    Math.abs(counters['received']! - sum - dropSum) < 64,
    `${counters['received']} received, ${sum} passed on, ${dropSum} dropped`,
  );
}

export function checkShown(report: Report, lab: TestLab): void {
  const baton = fileURLToPath(new URL('./baton.mjs', import.meta.url));
  const args = [baton, 'stats', '--admin', adminSocket(lab.directory, 'switch')];
  const text = execFileSync(process.execPath, args, { encoding: 'utf8' });
  const figure = (name: string): number =>
    Number(new RegExp(`^\\s*${name}:?\\s+(\\d+)`, 'm').exec(text)?.[1] ?? NaN);
  for (const name of ['bad-cookie', 'to-control-full', 'half read evicted', 'farewells cut']) {
    report.check(`baton stats shows "${name}"`, figure(name) > 0, figure(name));
  }
  const bounds = ['half open limit', 'unproven limit', 'half read limit', 'farewells limit'];
  const others = ['unproven evicted', 'closed evicted', 'table full', 'held dropped'];
  for (const name of [...bounds, ...others, 'from control full', 'longest chain']) {
    report.check(`baton stats shows "${name}"`, figure(name) >= 0, figure(name));
  }
}

/** 1000 clients that send their heads a few bytes a second. */
export async function checkSlowHeads(report: Report, lab: TestLab): Promise<void> {
  const url = lab.environment['BATON_URL']!;
  const quiet = await floods.live(lab, 1, 5);
  const slow = floods.runProgram<{ open: number; lost: number }>(
    lab,
    'slow-heads',
    [url, 1000, 10],
    10,
  );
  await sleep(3000);
  const during = await floods.live(lab, 1, 5);
  const { gathering } = (await figures(lab)).openings;
  const { open, lost } = await slow;
  report.check(
    'slow heads: 1000 at a time, each is waited for',
    open === 1000 && lost === 0 && gathering! >= 1000,
    `${open} open, ${lost} lost, ${gathering} half read`,
  );
  report.check(
    'slow heads: another client gets its answer in twice the quiet time',
    during.failed.length === 0 && during.medianMs <= 2 * quiet.medianMs,
    `median ${during.medianMs} ms, quiet ${quiet.medianMs} ms`,
  );
}
