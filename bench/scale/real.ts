// Real connections in the lab: each has made a request, stays open, and can make another one.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../../test/support/lab.ts';
import { programFile } from '../../test/support/programs.ts';
import type { Sheet } from '../report/sheet.ts';

const OPEN_LIMIT_MS = 120_000;
const POLL_MS = 20;

function rssOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) * 1024;
}

async function openAll(lab: TestLab, count: number): Promise<number> {
  const program = programFile('open-client');
  const { BATON_VIP, BATON_PORT } = lab.environment;
  const command = ['node', program, BATON_VIP!, BATON_PORT!, String(count)];
  const begin = performance.now();
  const client = lab.startProgram('client', 'open', command);
  await client.ready(() => client.log().includes(`open ${count}`), OPEN_LIMIT_MS);
  return (performance.now() - begin) / 1000;
}

/** Prints how many the switch then has, as a ratio of those that were opened. */
export async function measureReal(sheet: Sheet, count: number): Promise<void> {
  await withLab({ servers: 1, server: 'echo' }, async (lab) => {
    const pids = ['switch', 'server1'].map((host) => lab.hosts[host]!.programs['baton']!);
    const before = pids.map(rssOf);
    const seconds = await openAll(lab, count);
    await sleep(POLL_MS);
    const after = pids.map(rssOf);
    const { table } = await lab.stats('switch');
    const subject = 'real connections in the lab';
    const forms = ['at the switch', 'at the agent'];
    for (const [at, form] of forms.entries()) {
      const samples = [(after[at]! - before[at]!) / count];
      sheet.figure({ subject, form, unit: 'bytes of RSS each, warming up included', samples });
    }
    sheet.ratio(subject, (table.states['forward'] ?? 0) / count, 'at least 1');
    const perSecond = count / seconds;
    const made = 'new connections in the lab, 20 at a time';
    sheet.figure({ subject: made, form: 'baton', unit: 'connections/s', samples: [perSecond] });
    sheet.note(`${made}: ${perSecond.toFixed(0)} connections/s, client and server included`);
  });
}
