// Connections handed over with their SYN, or with the ACK of a handshake and no bytes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_PSH, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { advance } from '../../../src/packet/sequence.ts';
import { AgentRig, ID, TUPLE } from '../../support/agent-rig.ts';
import { VIP, makeHandoff, readAll, type ServerOptions } from '../../support/server-kernel.ts';

const test = suite('agent: nothing read');
const NONE = new Uint8Array(0);
const BY_SYN = makeHandoff({ bySyn: true, bytes: NONE, window: 64_000, timestampSwitch: 0 });
const BY_ACK = makeHandoff({ bytes: NONE });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function upRig(options: ServerOptions = {}): Promise<AgentRig> {
  const rig = await AgentRig.make(options);
  rig.up();
  rig.takeMessages();
  return rig;
}

test('by SYN: the client gets a SYN-ACK with the number that the switch chose', async () => {
  const rig = await upRig();
  rig.message(BY_SYN).settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  const [synAck, ...rest] = readAll(rig.takeToClient());
  assert.equal(rest, []);
  assert.is(synAck!.flags, TCP_SYN | TCP_ACK);
  assert.equal(synAck!.source, VIP);
  assert.is(synAck!.sequence, BY_SYN.switchIsn);
  assert.is(synAck!.acknowledgment, advance(BY_SYN.clientIsn, 1));
  assert.is(synAck!.options.windowScale, BY_SYN.switchScale);
  assert.is(synAck!.options.timestamps!.echo, BY_SYN.timestampRecent);
  assert.ok(synAck!.options.sackPermitted);
});

test('by SYN: after its ACK client and server talk, the server first', async () => {
  const rig = await upRig();
  rig.message(BY_SYN).settle();
  const [synAck] = readAll(rig.takeToClient());
  const first = advance(BY_SYN.clientIsn, 1);
  const stamp = (value: number) => ({ value, echo: synAck!.options.timestamps!.value });
  const common = { sequence: first, acknowledgment: BY_SYN.switchIsn + 1, flags: TCP_ACK };
  rig.fromClient({ ...common, options: { timestamps: stamp(1112) } }).settle();
  rig.server.sockets[0]!.send(new TextEncoder().encode('SSH-2.0'));
  rig.settle();
  const [banner] = readAll(rig.takeToClient());
  assert.is(banner!.sequence, BY_SYN.switchIsn + 1);
  assert.is(text(banner!.payload), 'SSH-2.0');
  const payload = new TextEncoder().encode('hello');
  const flags = TCP_ACK | TCP_PSH;
  const acknowledgment = BY_SYN.switchIsn + 8;
  rig
    .fromClient({
      sequence: first,
      acknowledgment,
      flags,
      payload,
      options: { timestamps: stamp(1113) },
    })
    .settle();
  assert.is(rig.server.text(), 'hello');
  assert.is(rig.server.sockets[0]!.sender.una, rig.server.sockets[0]!.sender.next);
});

test('by SYN: the kernel repeats its SYN-ACK, the client gets it again in the same words', async () => {
  const rig = await upRig();
  rig.message(BY_SYN).settle();
  const [first] = readAll(rig.takeToClient());
  rig.pass(1500);
  const [again] = readAll(rig.takeToClient());
  assert.is(again!.flags, TCP_SYN | TCP_ACK);
  assert.is(again!.sequence, first!.sequence);
  assert.is(again!.options.windowScale, first!.options.windowScale);
});

test('by SYN: taken back, the kernel forgets it and the client hears nothing', async () => {
  const rig = await upRig();
  rig.message(BY_SYN).settle();
  rig.takeToClient();
  rig.message({ type: 'close', id: ID, tuple: TUPLE }).settle();
  rig.pass(10_000);
  assert.equal(readAll(rig.takeToClient()), []);
  assert.is(rig.agent.stats().open, 0);
});

test('by ACK: ready without a byte, and the server speaks first', async () => {
  const rig = await upRig();
  rig.message(BY_ACK).settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  assert.equal(readAll(rig.takeToClient()), [], 'no SYN-ACK for a client that has had one');
  rig.server.sockets[0]!.send(new TextEncoder().encode('220 ready'));
  rig.settle();
  const [banner] = readAll(rig.takeToClient());
  assert.is(banner!.sequence, BY_ACK.switchNext);
  assert.is(text(banner!.payload), '220 ready');
});

test('by ACK: a kernel that lost the ACK asks again, and the agent answers it', async () => {
  const rig = await upRig();
  // the last packets to the kernel: what answers its SYN-ACK
  rig.loses = (packet) => readAll([packet])[0]!.flags === TCP_ACK;
  rig.message(BY_ACK).settle();
  assert.is(rig.server.sockets.length, 0);
  rig.loses = () => false;
  rig.pass(1500);
  assert.is(rig.server.sockets.length, 1);
  assert.equal(readAll(rig.takeToClient()), []);
  const [entry] = rig.entries;
  assert.is(rig.connections.state(entry!), L.STATE_FORWARD);
});

test.run();
