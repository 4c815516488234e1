// A lab whose last servers have no agent: the switch's host splices their connections.
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionView, StatsView } from '../../src/admin/views.ts';
import { VIP4, VIP6 } from '../../src/lab/topology.ts';
import { withLab } from './lab.ts';
import type { TestLab, TestLabOptions } from './lab.ts';
import type { Report } from './report.ts';
import { checkDownload, checkUpload } from './transfer.ts';

const SERVERS = 3;
const SPLICED = 2;
/** of the lab's document root */
const FILES = { '1M': 1e6, '10M': 1e7 };
/** Where the servers' answers go, as far as it is said by the source prefixes alone. */
const OURS: Record<string, string> = { [VIP4]: '10.83.1.1', [VIP6]: 'fd83:1::1' };

/** server1 is handed connections, those of the other two are spliced, in turn. */
export function withSplicedLab(
  options: Partial<TestLabOptions>,
  body: (lab: TestLab) => Promise<void>,
): Promise<void> {
  return withLab({ policy: 'round-robin', servers: SERVERS, splice: SPLICED, ...options }, body);
}

/** Whole transfers both ways by all servers. */
export async function checkTransfers(
  lab: TestLab,
  report: Report,
  what: string,
  name: keyof typeof FILES,
): Promise<void> {
  for (let round = 0; round < SERVERS; round += 1) {
    await checkDownload(lab, report, what, name, FILES[name]);
    // one of each in a round: else the same server would have all downloads
    if (round < SERVERS - 1) await checkUpload(lab, report, what, FILES[name]);
  }
}

/** The addresses by which the servers know a client; `told`: they have it from a PROXY header. */
export async function checkPeers(
  lab: TestLab,
  report: Report,
  what: string,
  told: boolean,
): Promise<void> {
  const { BATON_VIP: vip = '', BATON_URL: url } = lab.environment;
  // nginx says peer and server in the body, Apache in a header and without the port
  const script = `for i in 1 2 3 4 5 6; do
    curl -s -i -m 5 -w 'local=%{local_ip}:%{local_port};@' ${url}/$i; done`;
  const { stdout } = await lab.run('client', ['sh', '-c', script]);
  const seen = stdout
    .split('@')
    .slice(0, -1)
    .map((text) => {
      const [server, peer, local] = ['server', 'peer', 'local'].map(
        (key) => new RegExp(`${key}=(.*?);`).exec(text)?.[1]?.replace(/[[\]]/g, '') ?? '?',
      ) as [string, string, string];
      const wanted = server === 'server1' || told ? local : OURS[vip]!;
      const [longer, shorter] = peer.length > wanted.length ? [peer, wanted] : [wanted, peer];
      return { server, peer, isRight: shorter.length > 4 && longer.startsWith(shorter) };
    });
  const servers = new Set(seen.map(({ server }) => server));
  const whom = told ? "the client's by PROXY protocol" : "the switch's address";
  report.check(
    `${what}: the spliced servers see ${whom}, the other one the client's`,
    seen.length === 6 && servers.size === SERVERS && seen.every(({ isRight }) => isRight),
    seen.map(({ server, peer }) => `${server} ${peer}`).join(', '),
  );
}

/** All counters add up at the end, and nothing stays behind. */
export async function checkNothingLeft(lab: TestLab, report: Report, what: string): Promise<void> {
  await delay(500);
  const { parts } = await lab.admin<StatsView>('switch', '/stats');
  const views = await lab.admin<ConnectionView[]>('switch', '/connections');
  const open = views.filter(({ state }) => state !== 'closed');
  const faults = parts.reduce((sum, part) => sum + part.faults, 0);
  report.check(
    `${what}: no connection is open at the end, no fault`,
    open.length === 0 && faults === 0,
    `${open.length} open ${JSON.stringify(open[0] ?? '')}, ${faults} faults`,
  );
  const splicing = parts.find(({ device }) => device === 'splice0');
  const taken = (splicing?.control as { replays?: number } | undefined)?.replays ?? 0;
  report.check(`${what}: the splicing part has figures`, taken > 0, `${taken} taken over`);
}
