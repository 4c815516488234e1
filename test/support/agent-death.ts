// Slow downloads while a host's program is killed. The acceptance lines `agent-death` and `deaths`.
import { setTimeout as sleep } from 'node:timers/promises';
import * as strikes from '../../src/lab/strikes.ts';
import { withLab, type TestLab } from './lab.ts';
import type { Report } from './report.ts';

export const LOSS = { lossPercent: 1, delayMs: 0, reorderPercent: 0, seed: 1 };
const DOWNLOADS = 20;
/** At 2 MB/s a download takes longer than an outage. */
const LENGTH = 20_000_000;

interface Download {
  server: string;
  whole: boolean;
}

/** Slow downloads side by side; each says its server, which comes first in the stream's headers. */
export async function downloads(lab: TestLab, count: number): Promise<Download[]> {
  const get =
    `curl -s -m 50 --limit-rate 2M -o /dev/null ` +
    `-w '%{http_code} %{size_download} %header{x-server}\\n' $BATON_URL/bytes/${LENGTH}?$i`;
  const script = `for i in $(seq ${count}); do ${get} & done; wait`;
  const { stdout } = await lab.run('client', ['sh', '-c', script]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [status, length, server = ''] = line.split(' ');
      return { server, whole: status === '200' && Number(length) === LENGTH };
    });
}

/** Kills an agent with SIGKILL, which the lab starts again, under 20 downloads. */
export async function checkAgentDeath(report: Report): Promise<void> {
  await withLab({ servers: 1, supervised: true, hostile: LOSS }, async (lab) => {
    const running = downloads(lab, DOWNLOADS);
    const open = async () => (await lab.stats('switch')).table.used;
    for (let waited = 0; (await open()) < DOWNLOADS && waited < 50; waited += 1) await sleep(100);
    await sleep(500);
    strikes.killProgram(lab, 'server1', 'baton');
    const whole = (await running).filter(({ whole }) => whole).length;
    report.check(
      'an agent is killed and restarted during 20 downloads: none is broken',
      whole === DOWNLOADS,
      `${whole} of ${DOWNLOADS}`,
    );
  });
}
