// What the kernels and the switch's own figures say while traffic of all kinds runs through a lab.
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../support/lab.ts';
import type { Report } from '../support/report.ts';
import { checkAb, checkDownload, checkUpload } from '../support/transfer.ts';

const SAMPLES = 20;

async function checkKernels(lab: TestLab, report: Report): Promise<void> {
  const names = ['TcpInCsumErrors', 'IcmpInCsumErrors', 'IpExtInCsumErrors', 'IpInHdrErrors'];
  for (const host of Object.keys(lab.hosts)) {
    const { stdout } = await lab.run(host, ['nstat', '-asz', ...names]);
    const counts = names.map((name) =>
      Number(new RegExp(`${name}\\s+(\\d+)`).exec(stdout)?.[1] ?? -1),
    );
    report.check(
      `${host}: no wrong checksum or header`,
      counts.every((count) => count === 0),
      counts.join(' '),
    );
  }
}

/** received - (forwarded + answered + to control + dropped), summed over the workers. */
async function uncounted(
  lab: TestLab,
  host: string,
): Promise<{ received: number; difference: number }> {
  const { counters, drops } = (await lab.stats(host)).total;
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const known = ['forwarded', 'answered', 'toControl'].map((name) => counters[name]!);
  const received = counters['received']!;
  return { received, difference: received - sum(known) - sum(Object.values(drops)) };
}

async function checkCounters(
  lab: TestLab,
  report: Report,
  hosts: string[],
  when: string,
): Promise<void> {
  for (const host of hosts) {
    const { received, difference } = await uncounted(lab, host);
    report.check(
      `${host} ${when}: every one of ${received} packets is counted once`,
      difference === 0,
      difference,
    );
  }
}

/** While traffic runs a batch may be half counted: never more than the batches under way. */
async function sampleCounters(
  lab: TestLab,
  report: Report,
  hosts: string[],
  workers: number,
): Promise<void> {
  let worst = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    await sleep(100);
    for (const host of hosts) {
      worst = Math.max(worst, Math.abs((await uncounted(lab, host)).difference));
    }
  }
  const most = workers * 64;
  report.check(`under load never more than a batch per worker is open`, worst <= most, worst);
}

export async function checkLab(report: Report): Promise<void> {
  const setup = { servers: 2, server: 'nginx', workers: 2, policy: 'round-robin' } as const;
  await withLab(setup, async (lab) => {
    const hosts = ['switch', 'server1', 'server2'];
    const traffic = (async () => {
      await checkDownload(lab, report, 'traffic', '100M', 1e8);
      await checkUpload(lab, report, 'traffic', 5e7);
      await checkAb(lab, report, 'traffic', 1000, 20, false);
      await checkAb(lab, report, 'traffic', 3000, 20, true);
    })();
    await sampleCounters(lab, report, hosts, 2);
    await traffic;
    await sleep(1000);
    await checkCounters(lab, report, hosts, 'at the end');
    await checkKernels(lab, report);
  });
}
