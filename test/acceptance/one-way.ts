// No reply byte crosses the switch; the servers see the client; no connection shows a false round-trip time.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';
import { Report } from '../support/report.ts';

const CONNECTIONS = 50;
const MEGABYTE = 1e6;
/** A replayed handshake on one machine takes some 0.1 ms; the delay that the test adds is far above. */
const DELAY_MS = 20;
const SHORT_CONNECTIONS = 20;
const SLOW_CLIENT = '198.51.100.77';

const report = new Report();

/** Bytes that left a host's device for the network since the lab began. */
function sentBytes(lab: TestLab, host: string): number {
  return lab.counters(host)['eth0']!.sentBytes;
}

async function checkReplyBytes(lab: TestLab): Promise<void> {
  const capture = join(lab.directory, 'switch.pcap');
  const tcpdump = lab.run(
    'switch',
    [
      'timeout',
      '--signal=INT',
      '12',
      'tcpdump',
      '-i',
      'eth0',
      '--immediate-mode',
      '-U',
      '-nn',
      '-w',
      capture,
    ],
    { timeout: 30_000 },
  );
  await sleep(1000);
  const before = { switch: sentBytes(lab, 'switch'), server: sentBytes(lab, 'server1') };
  const script = `for i in $(seq ${CONNECTIONS}); do curl -sS -f -o /dev/null $BATON_URL/1M || exit 1; done`;
  const { status, stderr } = await lab.run('client', ['sh', '-c', script]);
  const switched = sentBytes(lab, 'switch') - before.switch;
  const served = sentBytes(lab, 'server1') - before.server;
  report.check(`${CONNECTIONS} downloads of 1 MB`, status === 0, stderr);
  report.check(
    'the server sent every reply byte',
    served > CONNECTIONS * MEGABYTE,
    `${served} bytes`,
  );
  report.note(`the switch sent ${switched} bytes in all: SYN-ACKs and what clients sent`);
  await tcpdump;
  const filter = 'src host 192.0.2.80 and tcp and greater 0';
  const read = ['tcpdump', '-nn', '-r', capture, filter];
  const lines = (await lab.run('switch', read)).stdout
    .split('\n')
    .filter((line) => line.includes(' IP '));
  const withData = lines.filter((line) => !line.endsWith('length 0'));
  report.check(
    'no reply byte crossed the switch',
    withData.length === 0,
    `${withData.length} segments with data`,
  );
  report.check(
    'SYN-ACKs did (the capture works)',
    lines.length >= CONNECTIONS,
    `${lines.length} packets`,
  );
}

function checkAccessLog(lab: TestLab): void {
  const log = readFileSync(join(lab.directory, 'server1.access.log'), 'utf8');
  const lines = log.trim().split('\n');
  const clients = lines.filter((line) => line.startsWith('10.80.1.2:'));
  report.check(
    "the server's own log names the client in every line",
    lines.length >= CONNECTIONS && clients.length === lines.length,
    `${clients.length} of ${lines.length}`,
  );
}

/** Sends what the router has for one more client address through a TUN that holds it for DELAY_MS. */
async function addSlowPath(lab: TestLab): Promise<void> {
  const program = programFile('delay');
  const delay = [
    'sh',
    '-c',
    `exec node ${program} delay0 ${DELAY_MS} > ${lab.directory}/delay.log 2>&1 &`,
  ];
  await lab.run('router', delay);
  const wait =
    'for i in $(seq 50); do ip link show delay0 2>/dev/null && exit 0; sleep 0.1; done; exit 1';
  await lab.run('router', ['sh', '-c', wait]);
  const routes = [
    'ip addr add 10.80.99.1/32 dev delay0',
    'ip link set delay0 up',
    `ip route add ${SLOW_CLIENT}/32 dev delay0`,
    `ip route add ${SLOW_CLIENT}/32 via 10.80.1.2 table 100`,
    'ip rule add iif delay0 lookup 100 pref 50',
  ];
  const set = await lab.run('router', ['sh', '-ec', routes.join('\n')]);
  if (set.status !== 0) throw new Error(`slow path: ${set.stderr}`);
  await lab.run('client', ['ip', 'addr', 'add', `${SLOW_CLIENT}/32`, 'dev', 'lo']);
}

/** Kernel's figures of the connections on a server's port 80. */
async function connectionsAt(lab: TestLab, host: string): Promise<string[]> {
  const command = ['ss', '-tinOH', 'state', 'established', 'sport', '=', ':80'];
  const { stdout } = await lab.run(host, command);
  return stdout.split('\n').filter((line) => line.includes('cwnd:'));
}

async function checkRoundTripTime(lab: TestLab): Promise<void> {
  const curl = `curl -sS -o /dev/null --interface ${SLOW_CLIENT} --limit-rate 2M $BATON_URL/10M`;
  const script = `for i in 1 2 3 4 5 6 7 8; do ${curl} & done; wait`;
  const clients = lab.run('client', ['sh', '-c', script]);
  await sleep(2000);
  const rows = await connectionsAt(lab, 'server1');
  const { status, stderr } = await clients;
  report.check('8 clients on a slow path', status === 0, stderr);
  const minrtts = rows.map((line) => Number(/minrtt:([\d.]+)/.exec(line)?.[1] ?? 0));
  report.check(
    `no false round-trip time: minrtt is the path's ${DELAY_MS} ms in all of ${rows.length}`,
    rows.length === 8 && minrtts.every((ms) => ms >= DELAY_MS * 0.95 && ms < DELAY_MS * 3),
    minrtts.join(' '),
  );
}

async function serverCounter(lab: TestLab, name: string): Promise<number> {
  const { stdout } = await lab.run('server1', ['nstat', '-asz', name]);
  return Number(new RegExp(`${name}\\s+(\\d+)`).exec(stdout)?.[1] ?? -1);
}

/**
 * A false round-trip time makes every connection begin with a loss probe and repetitions. A starved
 * machine makes some too, so the best of three rounds counts.
 */
async function checkLossProbes(lab: TestLab): Promise<void> {
  const curl = `curl -sS -f -o /dev/null --interface ${SLOW_CLIENT} $BATON_URL/100k`;
  const script = `for i in $(seq ${SHORT_CONNECTIONS}); do ${curl} || exit 1; done`;
  // not TcpRetransSegs: the kernel counts the replay's second SYN-ACK there
  const names = ['TcpExtTCPLossProbes', 'TcpExtTCPFastRetrans', 'TcpExtTCPTimeouts'];
  const seen: number[][] = [];
  for (let round = 0; round < 3 && !seen.some((grown) => Math.max(...grown) === 0); round++) {
    const before = await Promise.all(names.map((name) => serverCounter(lab, name)));
    await lab.run('client', ['sh', '-c', script]);
    const after = await Promise.all(names.map((name) => serverCounter(lab, name)));
    seen.push(after.map((count, index) => count - before[index]!));
  }
  report.check(
    `no loss probe, nothing sent twice in ${SHORT_CONNECTIONS} connections`,
    seen.some((grown) => Math.max(...grown) === 0),
    `probes and repeated segments by round: ${seen.map((grown) => grown.join('+')).join(', ')}`,
  );
}

await report.part('one-way', () =>
  withLab({ servers: 1, server: 'nginx' }, async (lab) => {
    await checkReplyBytes(lab);
    checkAccessLog(lab);
    await addSlowPath(lab);
    await checkLossProbes(lab);
    await checkRoundTripTime(lab);
  }),
);
report.finish();
