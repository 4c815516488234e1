// A lab whose second server has no agent: an agent on the switch's host splices its connections.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import type { ConnectionView, StatsView } from '../../src/admin/views.ts';
import { send } from '../../src/lab/send.ts';
import { AGENT_PORT, SERVER_PORT, VIP4, VIP6 } from '../../src/lab/topology.ts';
import { withLab } from './lab.ts';
import type { TestLab, TestLabOptions } from './lab.ts';
import type { Report } from './report.ts';
import { checkDownload, checkUpload } from './transfer.ts';

const SPLICED = 'server2';
/** Known on the switch's host alone, and where the server's answers go. */
const HANDOFF = ['10.81.200.0/24', 'fd81:c8::/64'];
const SPLICE = ['10.83.1.0/24', 'fd83:1::/64'];
const TRANSFERS = 2;
/** of the lab's document root */
const FILES = { '1M': 1e6, '10M': 1e7 };

interface Written {
  [part: string]: unknown;
  switch: object;
}

/** server1 is handed connections, server2's are spliced, turn about. */
export function withSplicedLab(
  options: Partial<TestLabOptions>,
  body: (lab: TestLab) => Promise<void>,
): Promise<void> {
  return withLab({ policy: 'round-robin', ...options, servers: 2 }, async (lab) => {
    await splice(lab);
    await body(lab);
  });
}

async function splice(lab: TestLab): Promise<void> {
  for (const host of ['switch', SPLICED]) {
    process.kill(lab.hosts[host]!.programs['baton']!, 'SIGTERM');
  }
  const file = join(lab.directory, 'switch.yaml');
  const written = parse(readFileSync(file, 'utf8')) as Written;
  const { address, address6 } = lab.topology.switches[0]!;
  const { address: server, address6: server6 } = lab.topology.servers[1]!;
  const [first] = written['servers'] as object[];
  const listen = `${address}:${AGENT_PORT}`;
  const spliced = {
    ...written,
    roles: ['switch', 'agent'],
    agent: {
      listen,
      device: 'baton1',
      handoff: HANDOFF,
      splice: { server: [server, server6], addresses: SPLICE },
    },
    servers: [first, { name: 'switch', agent: listen, port: SERVER_PORT }],
    pools: [{ name: 'default', servers: ['server1', 'switch'], policy: 'round-robin' }],
  };
  writeFileSync(file, stringify(spliced));
  await lab.run('router', ['ip', 'route', 'replace', SPLICE[0]!, 'via', address]);
  await lab.run('router', ['ip', '-6', 'route', 'replace', SPLICE[1]!, 'via', address6]);
  await lab.startBaton('switch');
}

/** Whole transfers both ways by both servers, who the servers see, and that nothing stays behind. */
export async function checkSplicing(
  lab: TestLab,
  report: Report,
  what: string,
  name: keyof typeof FILES,
): Promise<void> {
  for (let round = 0; round < TRANSFERS; round += 1) {
    await checkDownload(lab, report, what, name, FILES[name]);
    await checkUpload(lab, report, what, FILES[name]);
  }
  await checkPeers(lab, report, what);
  await checkNothingLeft(lab, report, what);
}

async function checkPeers(lab: TestLab, report: Report, what: string): Promise<void> {
  const isFour = lab.environment['BATON_VIP'] === VIP4;
  const targets = ['/a', '/b', '/c', '/d'];
  const results = await send(lab, { address: isFour ? VIP4 : VIP6, targets });
  const seen = results.map(({ text, local }) => {
    const peer = /peer=(.*?);/.exec(text)?.[1] ?? '';
    const server = /server=(.*?);/.exec(text)?.[1] ?? text;
    const isClient = peer === local || peer === local.replace(/[[\]]/g, '');
    const isOurs = peer.replace('[', '').startsWith(isFour ? '10.83.1.1:' : 'fd83:1::1');
    return { server, peer, isRight: server === SPLICED ? isOurs : isClient };
  });
  const count = seen.filter(({ server }) => server === SPLICED).length;
  report.check(
    `${what}: the spliced server sees the switch's address, the other one the client's`,
    count === targets.length / 2 && seen.every(({ isRight }) => isRight),
    seen.map(({ server, peer }) => `${server} ${peer}`).join(', '),
  );
}

async function checkNothingLeft(lab: TestLab, report: Report, what: string): Promise<void> {
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
}
