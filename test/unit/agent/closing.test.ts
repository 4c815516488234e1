import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../assembly/wire/tcp.ts';
import { advance } from '../../../src/packet/sequence.ts';
import {
  AFTER_REQUEST,
  AgentRig,
  ID,
  TUPLE,
  readyRig,
  servingRig,
} from '../../support/agent-rig.ts';
import { makeHandoff, read, readAll } from '../../support/server-kernel.ts';

const endings = suite('agent, closing');
endings(
  'both FINs acknowledged: close, repeated until confirmed, gone after the linger',
  async () => {
    const rig = await servingRig();
    const [socket] = rig.server.sockets;
    rig.server.text();
    socket!.close();
    rig.settle();
    const [fin] = readAll(rig.takeToClient());
    assert.ok(fin!.flags & TCP_FIN);
    rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment: 5002, flags: TCP_ACK | TCP_FIN });
    rig.settle();
    assert.equal(rig.takeMessages(), [{ type: 'close', id: ID, tuple: TUPLE }]);
    rig.pass(2300);
    assert.equal(rig.takeMessages(), [{ type: 'close', id: ID, tuple: TUPLE }]);
    rig.message({ type: 'confirm', ids: [ID] });
    rig.pass(10_000);
    assert.equal(rig.takeMessages(), []);
    assert.is(rig.entries.length, 1);
    rig.pass(60_000);
    assert.is(rig.entries.length, 0);
    assert.is(rig.agent.stats().open, 0);
  },
);

endings('a confirmation of ready does not confirm the close that follows it', async () => {
  const rig = await readyRig();
  rig.server.text();
  rig.server.sockets[0]!.abort();
  rig.settle();
  const types = rig.takeMessages().map(({ type }) => type);
  assert.equal(types, ['ready', 'close']);
  rig.message({ type: 'confirm', ids: [ID] });
  assert.is(rig.connections.record32(rig.entries[0]!, L.RECORD_TERMINAL), L.TERMINAL_CLOSE);
  rig.message({ type: 'confirm', ids: [ID] });
  assert.is(rig.connections.record32(rig.entries[0]!, L.RECORD_TERMINAL), 0);
});

endings('a confirmation that names close leaves ready to be told', async () => {
  const rig = await readyRig();
  rig.server.sockets[0]!.abort();
  rig.settle();
  rig.message({ type: 'confirm', ids: [ID], of: 'close' });
  assert.is(rig.connections.record32(rig.entries[0]!, L.RECORD_TERMINAL), L.TERMINAL_READY);
  rig.takeMessages();
  rig.down().up();
  assert.ok(rig.takeMessages().some(({ type }) => type === 'ready'));
});

endings('a reset of the server closes', async () => {
  const rig = await servingRig();
  rig.server.text();
  rig.server.sockets[0]!.abort();
  rig.settle();
  assert.equal(rig.takeMessages(), [{ type: 'close', id: ID, tuple: TUPLE }]);
  assert.ok(read(rig.takeToClient()[0]!).flags & TCP_RST);
});

endings(
  'a valid reset of the client is found by a probe, an invalid one closes nothing',
  async () => {
    const rig = await servingRig();
    rig.fromClient({ sequence: advance(AFTER_REQUEST, 1), flags: TCP_RST }).settle();
    assert.equal(rig.takeMessages(), []);
    assert.is(rig.server.kernel.openSockets, 1);
    rig.fromClient({ sequence: AFTER_REQUEST, flags: TCP_RST }).settle();
    assert.equal(rig.takeMessages(), [{ type: 'close', id: ID, tuple: TUPLE }]);
    assert.is(rig.server.kernel.openSockets, 0);
  },
);

endings('a client that floods with resets is asked for a few times in a second', async () => {
  const rig = await servingRig();
  for (let time = 0; time < 1000; time += 1) {
    rig.fromClient({ sequence: advance(AFTER_REQUEST, 1), flags: TCP_RST }).settle();
    if (time % 10 === 9) rig.pass(10);
  }
  const { reset } = rig.agent.stats().probes;
  assert.ok(reset >= 8 && reset <= 60, String(reset));
  rig.fromClient({ sequence: AFTER_REQUEST, flags: TCP_RST }).settle();
  rig.pass(500);
  assert.is(rig.server.kernel.openSockets, 0);
  assert.ok(rig.takeMessages().some(({ type }) => type === 'close'));
});

endings(
  'close of the switch: the kernel forgets the connection, the client hears nothing',
  async () => {
    const rig = await servingRig();
    // more was sent than the record knows, so the number must be asked for
    rig.fromClient({
      sequence: AFTER_REQUEST,
      acknowledgment: 5001,
      flags: TCP_ACK,
      options: { timestamps: { value: 1200, echo: 2222 } },
      payload: new Uint8Array(100),
    });
    rig.settle();
    rig.takeToClient();
    rig.message({ type: 'close', id: ID, tuple: TUPLE }).settle();
    assert.equal(rig.takeMessages(), [{ type: 'confirm', ids: [ID], of: 'close' }]);
    assert.is(rig.server.kernel.openSockets, 0);
    assert.equal(rig.takeToClient(), []);
    assert.is(rig.agent.stats().open, 0);
    assert.is(rig.agent.stats().killsUnconfirmed, 0);
    rig.pass(6000);
    assert.equal(rig.entries, []);
  },
);

endings('close of an id that is not there is confirmed', async () => {
  const rig = await servingRig();
  const id = { run: 7, counter: 99 };
  rig.message({ type: 'close', id, tuple: TUPLE }).settle();
  assert.equal(rig.takeMessages(), [{ type: 'confirm', ids: [id], of: 'close' }]);
  assert.is(rig.server.kernel.openSockets, 1);
});

endings('close of the switch during a replay: no outcome is told', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.takeMessages();
  rig.loses = (packet) => read(packet).payload.length > 1;
  rig.message(makeHandoff()).settle();
  rig.message({ type: 'close', id: ID, tuple: TUPLE }).settle();
  rig.pass(3000);
  assert.equal(rig.takeMessages(), [{ type: 'confirm', ids: [ID], of: 'close' }]);
  assert.is(rig.server.listener.requests.size, 0);
  assert.is(rig.agent.stats().open, 0);
});

endings('idle: a kernel that knows the connection answers, and it stays', async () => {
  const rig = await servingRig();
  rig.pass(3_610_000);
  assert.ok(rig.agent.stats().probes.idle >= 1);
  assert.is(rig.agent.stats().open, 1);
  const probes = rig.agent.stats().probes.idle;
  rig.pass(60_000);
  assert.is(rig.agent.stats().probes.idle, probes);
});

endings('idle: a kernel that forgot the connection resets it, and it closes', async () => {
  const rig = await servingRig();
  rig.server.sockets[0]!.destroy();
  rig.pass(3_610_000);
  assert.is(rig.agent.stats().open, 0);
  assert.ok(rig.takeMessages().some(({ type }) => type === 'close'));
});

endings('idle: a kernel that does not answer three probes loses it', async () => {
  const rig = await servingRig();
  rig.loses = () => true;
  rig.pass(3_640_000);
  const close = rig.takeMessages().find(({ type }) => type === 'close');
  assert.equal(close, { type: 'close', id: ID, tuple: TUPLE });
  assert.is(rig.agent.stats().open, 0);
  assert.is(rig.notices.length, 1);
});

endings.run();
