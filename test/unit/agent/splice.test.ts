import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { proxyHeader } from '../../../src/agent/proxy-header.ts';
import { TCP_ACK, TCP_PSH } from '../../../assembly/wire/tcp.ts';
import { AFTER_REQUEST, AgentRig, TUPLE, switchHello } from '../../support/agent-rig.ts';
import { REQUEST, SERVICE, VIP, makeHandoff, read } from '../../support/server-kernel.ts';

const test = suite('agent, splice');

const OTHER = Uint8Array.of(10, 82, 1, 9);
const SPLICED = new Map([
  ['server2', { addresses: [SERVICE], proxy: false }],
  ['server3', { addresses: [OTHER], proxy: true }],
]);
const bytes = (text: string) => new TextEncoder().encode(text);

async function splicingRig(): Promise<AgentRig> {
  const rig = await AgentRig.make({ spliced: SPLICED });
  rig.up(switchHello(), 'server2').up(switchHello(), 'server3');
  return rig;
}

test('agent, splice: each server has handoff addresses of its own', async () => {
  const rig = await splicingRig();
  const given = rig.messages.flatMap(({ to, message }) => {
    if (message.type !== 'hello') return [];
    return message.bindings.map(({ handoff }) => `${to} ${handoff.join('.')}`);
  });
  assert.equal(given, ['server2 10.81.1.1', 'server3 10.81.1.2']);
});

test('agent, splice: the same client is at two servers at once, each by an address of ours', async () => {
  const rig = await splicingRig();
  rig.message(makeHandoff(), 'server2').settle();
  const second = { ...TUPLE, vipPort: 80 };
  rig.message(makeHandoff({ id: { run: 8, counter: 1 }, tuple: second }), 'server3').settle();
  const [first, other] = rig.server.sockets;
  const seen = [first!, other!].map(
    ({ ends }) => `${ends.remote.join('.')} ${ends.local.join('.')}`,
  );
  assert.equal(seen, ['10.83.1.1 10.82.1.1', '10.83.1.1 10.82.1.9']);
  assert.not(first!.ends.remotePort === other!.ends.remotePort);
  rig.takeToClient();
  first!.send(bytes('from server2'));
  rig.settle();
  const reply = read(rig.takeToClient()[0]!);
  assert.equal(reply.source, VIP);
  assert.is(new TextDecoder().decode(reply.payload), 'from server2');
});

test('agent, splice: a PROXY header goes ahead, the numbers of the client stay', async () => {
  const rig = await splicingRig();
  rig.message(makeHandoff(), 'server3').settle();
  const header = proxyHeader(TUPLE);
  const socket = rig.server.sockets[0]!;
  assert.equal(socket.read(), Uint8Array.from([...header, ...REQUEST]));
  const first = read(rig.takeToClient().at(-1)!);
  assert.is(first.acknowledgment, AFTER_REQUEST);
  rig.message({ type: 'confirm', ids: [makeHandoff().id] }, 'server3');
  const more = { sequence: AFTER_REQUEST, acknowledgment: 5001, flags: TCP_ACK | TCP_PSH };
  const destination = Uint8Array.of(10, 81, 1, 2);
  rig.fromClient({ ...more, destination, payload: bytes('more') }).settle();
  assert.is(new TextDecoder().decode(socket.read()), 'more');
});

test('agent, splice: a connection without bytes is ready when the server has the header', async () => {
  const rig = await splicingRig();
  rig.takeMessages();
  rig.message(makeHandoff({ bytes: new Uint8Array(0) }), 'server3').settle();
  assert.equal(rig.server.sockets[0]!.read(), proxyHeader(TUPLE));
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: makeHandoff().id }]);
});

test.run();
