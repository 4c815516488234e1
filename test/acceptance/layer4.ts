// SSH behind services of which the switch reads nothing: dispatched by the SYN and by the first ACK, its
// server speaks first, and a SYN flood leaves room for those who answer.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableView } from '../../src/admin/views.ts';
import { VIP4, VIP6 } from '../../src/lab/topology.ts';
import { checkFaults } from '../support/faults.ts';
import type { TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';
import { Report } from '../support/report.ts';
import { ACK_PORT, SYN_PORT, ssh, withSsh, type SshTarget } from '../support/ssh.ts';
import { streamDigest, streamFile } from '../support/transfer.ts';

const LENGTH = 1e8;
const SHORT_LENGTH = 1e7;
const FLOOD_SECONDS = 6;
const FLOOD_RATE = 20_000;
const report = new Report();

interface ControlFigures {
  unprovenExpired: number;
  unprovenEvicted: number;
}

const table = async (lab: TestLab): Promise<TableView> => (await lab.stats('switch')).table;
const figures = async (lab: TestLab) => (await lab.stats('switch')).control as ControlFigures;

async function checkTransfers(
  lab: TestLab,
  what: string,
  target: SshTarget,
  length: number,
): Promise<void> {
  const file = streamFile(lab, length);
  const digest = streamDigest(length);
  const before = lab.counters('switch')['eth0']!.sentBytes;
  const down = await ssh(lab, target, `cat ${file}`, (run) => `${run} | sha256sum`);
  const passed = lab.counters('switch')['eth0']!.sentBytes - before;
  report.check(`${what}: ${length} bytes down, exact`, down.stdout.startsWith(digest), down.stderr);
  report.check(`${what}: not through the switch`, passed < length / 5, `${passed} bytes passed it`);
  const up = await ssh(lab, target, 'sha256sum', (run) => `${run} < ${file}`);
  report.check(`${what}: ${length} bytes up, exact`, up.stdout.startsWith(digest), up.stderr);
}

/** The server sees the client's own address, and both servers get connections. */
async function checkPeers(lab: TestLab, what: string, target: SshTarget): Promise<void> {
  const own = target.address.includes(':') ? 'fd80:1::2' : '10.80.1.2';
  const places = new Set<string>();
  let right = 0;
  for (let turn = 0; turn < 4; turn += 1) {
    const { stdout } = await ssh(lab, target, 'echo $SSH_CONNECTION');
    const [client, , server = ''] = stdout.trim().split(' ');
    if (client === own) right += 1;
    places.add(server);
  }
  report.check(`${what}: servers see the client's address`, right === 4, `${right} of 4`);
  report.check(`${what}: both servers are used`, places.size === 2, [...places].join(' '));
}

async function flood(lab: TestLab, seconds: number): Promise<unknown> {
  const program = programFile('raw-sender');
  const to = `${VIP4}:${SYN_PORT}`;
  const options = ['--to', to, '--flags', 'syn', '--rate', String(FLOOD_RATE)];
  return lab.run('client', ['node', program, ...options, '--seconds', String(seconds)]);
}

async function checkFlood(lab: TestLab): Promise<void> {
  await lab.run('router', ['ip', 'route', 'add', 'blackhole', '198.18.0.0/15']);
  const flooding = flood(lab, FLOOD_SECONDS);
  let most = 0;
  let answered = 0;
  let tries = 0;
  const until = Date.now() + FLOOD_SECONDS * 1000;
  await sleep(1000);
  const slowest = { ms: 0 };
  const watching = setInterval(() => {
    void table(lab).then(({ unproven }) => (most = Math.max(most, unproven)));
  }, 100);
  while (Date.now() < until) {
    const started = Date.now();
    const { status, stderr } = await ssh(lab, { address: VIP4, port: SYN_PORT }, 'true');
    if (status === 0) answered += 1;
    else report.note(stderr.slice(-200));
    tries += 1;
    slowest.ms = Math.max(slowest.ms, Date.now() - started);
  }
  await flooding;
  clearInterval(watching);
  const { entries, unprovenLimit, used } = await table(lab);
  report.check('flood: half-open ones were there', most > 0, `${most} at most`);
  const bound = Math.min(unprovenLimit, entries / 10);
  report.check(
    'flood: under their bound, a tenth of the table',
    most <= bound,
    `${most} of ${bound}`,
  );
  report.check(
    'flood: live clients get through',
    answered === tries && tries > 0,
    `${answered} of ${tries}, slowest ${slowest.ms} ms`,
  );
  report.note(`${used} of ${entries} entries in use after it`);
  await sleep(12_000);
  const { unproven } = await table(lab);
  const { unprovenExpired } = await figures(lab);
  report.check(
    'flood: soon nothing is left of it',
    unproven === 0,
    `${unprovenExpired} taken back`,
  );
}

/** A small table: those that only sent a SYN make room for those that answer. */
async function checkEviction(lab: TestLab): Promise<void> {
  await lab.run('router', ['ip', 'route', 'add', 'blackhole', '198.18.0.0/15']);
  await flood(lab, 1);
  const before = await table(lab);
  report.check(
    'full table: half-open ones to begin with, within their bound',
    before.unproven > 0 && before.unproven <= before.unprovenLimit,
    `${before.unproven} of ${before.unprovenLimit}`,
  );
  const open = `
    const net = require('node:net');
    let [connected, banners] = [0, 0];
    for (let turn = 0; turn < 126; turn += 1) {
      const socket = net.connect(${SYN_PORT}, '${VIP4}', () => (connected += 1));
      socket.once('data', () => (banners += 1)).on('error', () => {});
    }
    setTimeout(() => { console.log(connected, banners); process.exit(); }, 3500);`;
  const { stdout } = await lab.run('client', ['node', '-e', open]);
  const { unprovenEvicted } = await figures(lab);
  const [connected = 0, banners = 0] = stdout.trim().split(' ').map(Number);
  report.check('full table: half-open ones were evicted', unprovenEvicted > 0, unprovenEvicted);
  report.check(
    'full table: 126 of 128 entries for clients that are there, each greeted',
    banners >= 126,
    `${connected} connected, ${banners} greeted`,
  );
}

await report.part('ssh', () =>
  withSsh(async (lab) => {
    for (const address of [VIP4, VIP6]) {
      for (const port of [SYN_PORT, ACK_PORT]) {
        const what = `SSH on ${address} by ${port === SYN_PORT ? 'SYN' : 'ACK'}`;
        const length = address === VIP4 ? LENGTH : SHORT_LENGTH;
        await checkTransfers(lab, what, { address, port }, length);
        await checkPeers(lab, what, { address, port });
      }
    }
    await checkFlood(lab);
    await checkFaults(report, lab, ['switch', 'server1', 'server2']);
  }),
);
await report.part('full table', () => withSsh(checkEviction, 'switch: { connections: 128 }'));
report.finish();
