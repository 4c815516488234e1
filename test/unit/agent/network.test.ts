// Needs the rights of root; runs in a network namespace of its own, against the real kernel.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../assembly/wire/tcp.ts';
import { checkHandoff, checkVips } from '../../../src/agent/network.ts';
import { filterFindings, findingText, firewallFindings } from '../../../src/agent/traps.ts';
import type { Handoff } from '../../../src/channel/messages.ts';
import { ip, readSysctl } from '../../../src/packet-io/iproute.ts';
import { advance, distance } from '../../../src/packet/sequence.ts';
import { AgentHost, CLIENT6, NETWORK, VIP6 } from '../../support/agent-host.ts';
import { runInNamespace } from '../../support/namespace.ts';
import { CLIENT, HANDOFF, VIP, makeHandoff } from '../../support/server-kernel.ts';

const PORT = 8080;
const SERVER = `
  const server = require('node:http').createServer((request, response) => {
    process.stdout.write('request ' + request.url + ' ' + request.socket.remoteAddress + '\\n');
    if (request.url === '/close') response.setHeader('connection', 'close');
    response.end('x'.repeat(Number(request.url.slice(1)) || 10));
  });
  server.listen({ port: ${PORT}, host: '::', backlog: 1 }, () => process.stdout.write('listening\\n'));
`;

class Server {
  readonly process: ChildProcess;
  said = '';

  constructor() {
    this.process = spawn(process.execPath, ['-e', SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.process.stdout?.on('data', (bytes) => (this.said += String(bytes)));
  }

  async listening(): Promise<void> {
    while (!this.said.includes('listening')) await new Promise((done) => setTimeout(done, 10));
  }
}

let counter = 0;
function handoffOf(clientPort: number, path: string, changes: Partial<Handoff> = {}): Handoff {
  counter += 1;
  return makeHandoff({
    id: { run: 7, counter },
    tuple: { client: CLIENT, clientPort, vip: VIP, vipPort: 80 },
    serverPort: PORT,
    bytes: new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`),
    ...changes,
  });
}

const inside = suite('agent on a kernel');
let host: AgentHost;
let server: Server;

inside.before(async () => {
  host = await AgentHost.make();
  server = new Server();
  await server.listening();
});

inside.after(async () => {
  server.process.kill('SIGKILL');
  await host.close();
});

/** Outcome of this handoff, when it came. */
function outcome(handoff: Handoff): string {
  for (const message of host.messages) {
    if (message.type !== 'ready' && message.type !== 'failed') continue;
    if (message.id.counter !== handoff.id.counter) continue;
    return message.type === 'ready' ? 'ready' : `failed, delivered: ${message.delivered}`;
  }
  return '';
}

/** Bytes that a client got behind the switch's number, in order. */
function received(port: number): number {
  const ends = host.toClient
    .filter(({ destinationPort }) => destinationPort === port)
    .map(({ sequence, payload }) => distance(advance(sequence, payload.length), 5001));
  return Math.max(0, ...ends);
}

/** Acknowledges what a client got, as the switch forwards it. */
function acknowledge(handoff: Handoff, flags = TCP_ACK): void {
  const { clientPort } = handoff.tuple;
  const newest = host.toClient.filter(({ destinationPort }) => destinationPort === clientPort);
  const fin = newest.some((packet) => (packet.flags & TCP_FIN) !== 0) ? 1 : 0;
  const { timestamps } = newest.at(-1)!.options;
  host.fromClient({
    source: CLIENT,
    sourcePort: clientPort,
    destination: HANDOFF,
    destinationPort: 80,
    sequence: advance(handoff.clientIsn, 1 + handoff.bytes.length),
    acknowledgment: advance(5001, received(clientPort) + fin),
    flags,
    window: 500,
    options: timestamps ? { timestamps: { value: 1200, echo: timestamps.value } } : {},
  });
}

function sockets(): string {
  return execFileSync('ss', ['-Htin', 'state', 'established', `( sport = :${PORT} )`], {
    encoding: 'utf8',
  });
}

inside('the host is set up, and what was mended is told', async () => {
  assert.is(await readSysctl('net/ipv4/tcp_syncookies'), '0');
  assert.is(await readSysctl('net/ipv4/ip_forward'), '1');
  assert.is(await readSysctl(`net/ipv4/conf/${NETWORK.device}/rp_filter`), '2');
  assert.match(await ip('rule'), /99:\s+from 10.82.1.0\/24 lookup 99/);
  assert.match(await ip('-6', 'rule'), /99:\s+from fd82:1::\/64 lookup 99/);
  assert.match(await ip('route', 'get', '10.82.1.77'), /local 10.82.1.77/);
  assert.match(await ip('route', 'get', '10.81.1.77'), /dev bagtun0/);
  const texts = host.findings.map(findingText);
  assert.ok(texts.some((text) => /tcp_syncookies was 1, wanted 0 .*: set/.test(text)));
});

inside('a real server answers a handed-off request to the client of the VIP', async () => {
  const handoff = handoffOf(40001, '/100000');
  host.message(handoff);
  assert.ok(await host.run(() => outcome(handoff) !== ''));
  assert.is(outcome(handoff), 'ready');
  const took = host.agent.stats().handoffSumMs;
  // only the client's own acknowledgments may tell the kernel a round trip time
  assert.not.match(sockets(), /minrtt/);
  for (let step = 0; step < 40 && received(40001) < 100_000; step += 1) {
    const before = received(40001);
    await host.run(() => received(40001) > before, 1000);
    acknowledge(handoff);
  }
  assert.ok(received(40001) > 100_000);
  const [first] = host.toClient;
  assert.equal(first!.source, VIP);
  assert.is(first!.sequence, 5001);
  assert.ok(distance(first!.options.timestamps!.value, 2222) >= 0);
  assert.ok(took < 100, `handoff took ${took} ms`);
  assert.match(server.said, /request \/100000 (::ffff:)?10\.80\.1\.2/);
});

inside('IPv6: a real server answers to the client of the VIP', async () => {
  const handoff = handoffOf(40006, '/20');
  handoff.tuple = { client: CLIENT6, clientPort: 40006, vip: VIP6, vipPort: 80 };
  host.message(handoff);
  assert.ok(await host.run(() => received(40006) > 20));
  const last = host.toClient.at(-1)!;
  assert.equal(last.source, VIP6);
  assert.match(server.said, /request \/20 fd80:1::2/);
});

inside('close of the switch ends the socket in the kernel, the client hears nothing', async () => {
  const before = host.toClient.length;
  const handoff = handoffOf(40002, '/10');
  host.message(handoff);
  await host.run(() => received(40002) > 0);
  acknowledge(handoff);
  await host.run(() => false, 50);
  assert.match(sockets(), /:40002/);
  host.message({ type: 'close', id: handoff.id, tuple: handoff.tuple });
  await host.run(() => false, 100);
  assert.not.match(sockets(), /:40002/);
  const heard = host.toClient.slice(before).map(({ flags }) => flags & (TCP_RST | TCP_FIN));
  assert.is(Math.max(...heard), 0);
  assert.is(host.agent.stats().killsUnconfirmed, 0);
});

inside(
  'TIME-WAIT in the kernel and a client that begins lower: replayed all the same',
  async () => {
    const first = handoffOf(40003, '/close');
    host.message(first);
    const hasFin = () =>
      host.toClient.some((each) => each.destinationPort === 40003 && (each.flags & TCP_FIN) !== 0);
    assert.ok(await host.run(hasFin));
    acknowledge(first, TCP_ACK | TCP_FIN);
    const isClosed = () =>
      host.messages.some(({ type, ...rest }) => type === 'close' && 'id' in rest);
    assert.ok(await host.run(isClosed));
    assert.match(execFileSync('ss', ['-Htan'], { encoding: 'utf8' }), /TIME-WAIT.*:40003/);
    const second = handoffOf(40003, '/10', {
      clientIsn: first.clientIsn - 100_000,
      timestampRecent: 500,
    });
    host.message(second);
    assert.ok(await host.run(() => outcome(second) !== ''));
    assert.is(outcome(second), 'ready');
  },
);

inside('a frozen server: what fills its queue is ready, the rest failed undelivered', async () => {
  await host.run(() => false, 200); // what is in its queue is accepted
  server.process.kill('SIGSTOP');
  const handoffs = Array.from({ length: 6 }, (_, index) => handoffOf(41000 + index, `/${index}`));
  for (const handoff of handoffs) host.message(handoff);
  await host.run(() => handoffs.every((handoff) => outcome(handoff) !== ''), 2000);
  const outcomes = handoffs.map(outcome);
  server.process.kill('SIGCONT');
  const isServed = ({ tuple }: Handoff, index: number): boolean =>
    server.said.includes(`request /${index} `) && received(tuple.clientPort) > 0;
  const areServed = () =>
    handoffs.every((handoff, index) => outcomes[index] !== 'ready' || isServed(handoff, index));
  assert.ok(await host.run(areServed), 'the server goes on with what was ready');
  // requests are served in the order of the queue: one asked now comes after whatever else was in it
  const last = handoffOf(41100, '/last');
  host.message(last);
  assert.ok(await host.run(() => received(41100) > 0), 'the server answers the next one');
  assert.is(outcomes.filter((text) => text === 'ready').length, 2, outcomes.join(', '));
  assert.is(outcomes.filter((text) => text === 'failed, delivered: no').length, 4);
  handoffs.forEach((handoff, index) => {
    const wasServed = server.said.includes(`request /${index} `);
    assert.is(wasServed, outcomes[index] === 'ready', `request ${index}`);
    assert.is(received(handoff.tuple.clientPort) > 0, wasServed);
  });
});

inside('a VIP or a handoff address that is local is found', async () => {
  await ip('addr', 'add', '192.0.2.80/32', 'dev', 'lo');
  await ip('addr', 'add', '10.81.1.9/32', 'dev', 'lo');
  const [vip] = await checkVips([VIP]);
  assert.match(findingText(vip!), /VIP 192.0.2.80 is an address of lo.*ip addr del 192.0.2.80\/32/);
  const [handoff] = await checkHandoff(NETWORK.handoff);
  assert.match(findingText(handoff!), /not free: 10.81.1.9 is an address of lo/);
  await ip('addr', 'del', '192.0.2.80/32', 'dev', 'lo');
  await ip('addr', 'del', '10.81.1.9/32', 'dev', 'lo');
  assert.equal(await checkVips([VIP]), []);
  await ip('route', 'add', 'unreachable', '203.0.113.5');
  const [unrouted] = await checkVips([Uint8Array.of(203, 0, 113, 5)]);
  assert.match(findingText(unrouted!), /VIP 203.0.113.5 is without a route/);
});

inside('a firewall rule on invalid connections is found', () => {
  const ruleset = 'chain forward {\n  ct state invalid counter drop\n  ct state new accept\n}';
  const [found, ...rest] = firewallFindings(ruleset);
  assert.equal(rest, []);
  assert.match(found!.value, /^ct state invalid/);
});

inside('strict reverse path filtering is found where it stands', () => {
  assert.equal(filterFindings('baton0', '2', '1'), []);
  assert.equal(filterFindings('baton0', '0', '0'), []);
  const whats = [filterFindings('baton0', '1', '0'), filterFindings('baton0', '0', '1')].flat();
  assert.equal(
    whats.map(({ what }) => what),
    ['net.ipv4.conf.baton0.rp_filter', 'net.ipv4.conf.all.rp_filter'],
  );
});

inside('nothing is left when it is undone, and settings are as before', async () => {
  await host.network.remove();
  assert.not.match(await ip('rule'), /lookup 99/);
  assert.not.match(await ip('-6', 'rule'), /lookup 99/);
  assert.not.match(await ip('route', 'show', 'table', 'all'), /blackhole/);
  assert.is(await readSysctl('net/ipv4/tcp_syncookies'), '1');
});

runInNamespace(inside, 10);
