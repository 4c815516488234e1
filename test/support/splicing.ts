// A lab whose last servers have no agent: the switch's host splices their connections.
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionView, StatsView } from '../../src/admin/views.ts';
import { send } from '../../src/lab/send.ts';
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
const OURS = { [VIP4]: '10.83.1.1', [VIP6]: 'fd83:1::1' };

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
  const address = lab.environment['BATON_VIP'] === VIP4 ? VIP4 : VIP6;
  const targets = Array.from({ length: 2 * SERVERS }, (_, index) => `/${index}`);
  const results = await send(lab, { address, targets });
  const plain = (text: string) => text.replace(/[[\]]/g, '');
  const seen = results.map(({ text, local }) => {
    const peer = plain(/peer=(.*?);/.exec(text)?.[1] ?? '');
    const server = /server=(.*?);/.exec(text)?.[1] ?? text;
    const isClients = peer === plain(local);
    const isRight = server === 'server1' || told ? isClients : peer.startsWith(OURS[address]!);
    return { server, peer, isRight };
  });
  const servers = new Set(seen.map(({ server }) => server));
  const whom = told ? "the client's by PROXY protocol" : "the switch's address";
  report.check(
    `${what}: the spliced servers see ${whom}, the other one the client's`,
    servers.size === SERVERS && seen.every(({ isRight }) => isRight),
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
