// Several VIPs, ports and switches at once: one agent whose configuration names no switch serves two, the
// same client address and port is open to all their VIPs, and each reply comes from its own.
import type { ConnectionView } from '../../src/admin/views.ts';
import { checkFaults } from '../support/faults.ts';
import type { TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import { EXPECTED, agentFile, askAll, withSeveralVips } from '../support/several-vips.ts';
import { streamDigest } from '../support/transfer.ts';

const LENGTH = 1e7;
const PORTS = [40_001, 40_002, 40_003, 40_004, 40_005];
const report = new Report();
const TARGETS = Object.keys(EXPECTED);

function checkConfiguration(lab: TestLab): void {
  for (const server of ['server1', 'server2']) {
    const text = agentFile(lab, server);
    const named = /switch|192\.0\.2\.|2001:db8/.exec(text)?.[0] ?? '';
    report.check(
      `the configuration of ${server}'s agent names no switch and no VIP`,
      !named,
      named,
    );
  }
}

async function checkWho(lab: TestLab, port: number): Promise<void> {
  const answers = await askAll(lab, port, '/who', TARGETS);
  const right = answers.filter(({ from, local, text }) => {
    const server = EXPECTED[from.replace('::ffff:', '')];
    const [, peer = ''] = /peer=(.*?);/.exec(text) ?? [];
    return text.startsWith(`server=${server};`) && peer.replaceAll(/[[\]]/g, '') === local;
  });
  report.check(
    `port ${port} open to ${TARGETS.length} places at once: each answered by its server, to this client`,
    right.length === TARGETS.length,
    `${right.length} right`,
  );
}

async function checkBytes(lab: TestLab, port: number): Promise<void> {
  const answers = await askAll(lab, port, `/bytes/${LENGTH}`, TARGETS);
  const digest = streamDigest(LENGTH);
  const exact = answers.filter((answer) => answer.digest === digest).length;
  report.check(
    `port ${port}: ${LENGTH} bytes from each at once, exact`,
    exact === TARGETS.length,
    `${exact} of ${TARGETS.length}`,
  );
}

/** What the agents' tables say of a port: its connections differ in the handoff address alone. */
async function checkAgentTables(lab: TestLab, port: number): Promise<void> {
  const views = await Promise.all(
    ['server1', 'server2'].map((host) => lab.admin<ConnectionView[]>(host, '/connections')),
  );
  for (const [index, all] of views.entries()) {
    const of = all.filter(({ client }) => client.endsWith(`:${port}`));
    const places = new Set(of.map(({ local }) => local));
    const givers = new Set(of.map(({ server }) => server));
    report.check(
      `server${index + 1}: every VIP and port has a handoff address of its own`,
      places.size === of.length && of.length >= 3,
      `${[...places].join(' ')} from ${[...givers].join(', ')}`,
    );
  }
  const given = new Set(views[0]!.map(({ server }) => server));
  report.check('server1: both switches gave it connections', given.size === 2);
}

await report.part('vips', () =>
  withSeveralVips(async (lab) => {
    checkConfiguration(lab);
    for (const port of PORTS) {
      await checkWho(lab, port);
      await checkBytes(lab, port);
    }
    await checkAgentTables(lab, PORTS.at(-1)!);
    await checkFaults(report, lab, ['switch', 'switch2', 'server1', 'server2']);
  }),
);
report.finish();
