import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { advance } from '../../../src/packet/sequence.ts';
import { AgentRig, switchHello } from '../../support/agent-rig.ts';
import type { RigOptions } from '../../support/agent-rig.ts';
import {
  HANDOFF,
  REQUEST,
  VIP,
  makeHandoff,
  openPlainly,
  read,
  readAll,
} from '../../support/server-kernel.ts';

const agents = suite('agent');
const AFTER_REQUEST = advance(0xffffff01, REQUEST.length);
const ID = { run: 7, counter: 1 };
const { tuple: TUPLE } = makeHandoff();

async function readyRig(options: RigOptions = {}): Promise<AgentRig> {
  const rig = await AgentRig.make(options);
  rig.up();
  rig.takeMessages();
  rig.message(makeHandoff()).settle();
  return rig;
}

/** Ready, confirmed, and nothing on its way. */
async function servingRig(options: RigOptions = {}): Promise<AgentRig> {
  const rig = await readyRig(options);
  rig.message({ type: 'confirm', ids: [ID] });
  rig.takeMessages();
  rig.takeToClient();
  return rig;
}

agents('a switch is answered with addresses for its services and an empty list', async () => {
  const rig = await AgentRig.make();
  rig.up();
  const [hello, resync, ...rest] = rig.takeMessages();
  assert.equal(rest, []);
  assert.equal(resync, { type: 'resync', entries: [], last: true });
  assert.is(hello?.type, 'hello');
  if (hello?.type !== 'hello') return;
  assert.equal(hello.bindings, [{ vip: VIP, port: 80, handoff: HANDOFF, handoffPort: 80 }]);
  assert.is(hello.run, 99);
});

agents('a handoff ends in ready, and the client gets what the switch promised', async () => {
  const rig = await readyRig();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  assert.is(rig.server.text(), new TextDecoder().decode(REQUEST));
  const [entry] = rig.entries;
  assert.is(rig.connections.state(entry!), L.STATE_FORWARD);
  const [acknowledgment, ...rest] = readAll(rig.takeToClient());
  assert.equal(rest, []);
  assert.equal(acknowledgment!.source, VIP);
  assert.is(acknowledgment!.sequence, 5001);
  assert.is(acknowledgment!.acknowledgment, AFTER_REQUEST);
  assert.is(acknowledgment!.options.timestamps!.value, 2222);
  const { replays, ready, open } = rig.agent.stats();
  assert.equal({ replays, ready, open }, { replays: 1, ready: 1, open: 1 });
});

agents('both directions are translated after ready', async () => {
  const rig = await servingRig();
  const [socket] = rig.server.sockets;
  socket!.send(new TextEncoder().encode('hello'));
  rig.settle();
  const [data] = readAll(rig.takeToClient());
  assert.is(data!.sequence, 5001);
  assert.is(new TextDecoder().decode(data!.payload), 'hello');
  rig.server.text();
  rig.fromClient({
    sequence: AFTER_REQUEST,
    acknowledgment: 5006,
    flags: TCP_ACK | TCP_PSH,
    options: { timestamps: { value: 1200, echo: data!.options.timestamps!.value } },
    payload: new TextEncoder().encode('more'),
  });
  rig.settle();
  assert.is(rig.server.text(), 'more');
  assert.is(socket!.sender.una, socket!.sender.next);
});

agents('packets of the client that came during the replay follow in order', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.loses = (packet) => (read(packet).flags & TCP_SYN) !== 0 && rig.nowMs < 10_100;
  rig.message(makeHandoff()).settle();
  const options = { timestamps: { value: 1200, echo: 2222 } };
  const text = (part: string) => new TextEncoder().encode(part);
  const acknowledgment = 5001;
  rig.fromClient({
    sequence: AFTER_REQUEST,
    acknowledgment,
    flags: TCP_ACK,
    options,
    payload: text('one '),
  });
  rig.fromClient({
    sequence: advance(AFTER_REQUEST, 4),
    acknowledgment,
    flags: TCP_ACK,
    options,
    payload: text('two'),
  });
  rig.settle().pass(300);
  assert.is(rig.server.text(), `${new TextDecoder().decode(REQUEST)}one two`);
  assert.is(rig.connections.state(rig.entries[0]!), L.STATE_FORWARD);
});

agents('the same handoff again repeats ready and replays nothing', async () => {
  const rig = await readyRig();
  rig.takeMessages();
  rig.message(makeHandoff()).settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  rig
    .message({ type: 'confirm', ids: [ID] })
    .message(makeHandoff())
    .settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  assert.is(rig.agent.stats().replays, 1);
});

agents('ready is repeated until it is confirmed', async () => {
  const rig = await readyRig();
  rig.takeMessages();
  rig.pass(2500);
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  rig.message({ type: 'confirm', ids: [ID] }).message({ type: 'confirm', ids: [ID] });
  rig.pass(5000);
  assert.equal(rig.takeMessages(), []);
});

agents('no binding, no hello: failed, nothing delivered', async () => {
  const rig = await AgentRig.make();
  rig.message(makeHandoff());
  rig.up();
  rig.takeMessages();
  rig.message(makeHandoff({ tuple: { ...TUPLE, vipPort: 81 } }));
  const [failed] = rig.takeMessages();
  assert.is(failed?.type === 'failed' && failed.delivered, 'no');
});

agents('a full table: failed, nothing delivered', async () => {
  const rig = await AgentRig.make({ connections: 1 });
  rig.up();
  rig.message(makeHandoff()).settle();
  rig.takeMessages();
  const other = { tuple: { ...TUPLE, clientPort: 5 }, id: { run: 7, counter: 2 } };
  rig.message(makeHandoff(other));
  const [failed] = rig.takeMessages();
  assert.is(failed?.type === 'failed' && failed.delivered, 'no');
  assert.equal(rig.agent.stats().failed, { 'table full': 1 });
});

agents('no answer of the kernel until the deadline: failed, not delivered', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.takeMessages();
  rig.loses = () => true;
  rig.message(makeHandoff()).settle().pass(780);
  assert.equal(rig.takeMessages(), []);
  rig.pass(220);
  const [failed] = rig.takeMessages();
  assert.is(failed?.type === 'failed' && failed.delivered, 'no');
});

agents(
  'data not taken until the deadline: the kernel forgets it, failed, not delivered',
  async () => {
    const rig = await AgentRig.make({ backlog: 0, accepts: false });
    rig.up();
    rig.takeMessages();
    rig.loses = (packet) => read(packet).payload.length > 1;
    rig
      .message(makeHandoff({ clientIsn: 1000 }))
      .settle()
      .pass(840);
    const [failed] = rig.takeMessages();
    assert.equal(failed?.type === 'failed' && failed.delivered, 'no');
    assert.is(rig.server.kernel.openSockets, 0);
    assert.is(rig.server.listener.requests.size, 0);
    assert.equal(rig.takeToClient(), []);
    rig.message({ type: 'confirm', ids: [ID] });
    assert.equal(rig.entries, []);
  },
);

agents(
  'data taken, acknowledgment lost: failed, maybe delivered, nothing reaches the client',
  async () => {
    const rig = await AgentRig.make();
    rig.up();
    rig.takeMessages();
    const receive = rig.device.arrive.bind(rig.device);
    // the device loses what acknowledges the request, until the deadline
    rig.device.arrive = (packet, vnet) => {
      const isSynAck = (read(packet).flags & TCP_SYN) !== 0;
      if (isSynAck || rig.nowMs >= 10_800) receive(packet, vnet);
    };
    rig.message(makeHandoff()).settle().pass(840);
    const [failed] = rig.takeMessages();
    assert.equal(failed?.type === 'failed' && failed.delivered, 'maybe');
    assert.is(rig.server.kernel.openSockets, 0);
    assert.equal(rig.takeToClient(), []);
  },
);

agents('a closed port: failed at once', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.takeMessages();
  rig.message(makeHandoff({ serverPort: 81 })).settle();
  const [failed] = rig.takeMessages();
  assert.is(failed?.type === 'failed' && failed.delivered, 'no');
  assert.equal(rig.takeToClient(), []);
});

agents('the outcome of a failed handoff is repeated for the same id', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.message(makeHandoff({ serverPort: 81 })).settle();
  rig.takeMessages();
  rig.message(makeHandoff({ serverPort: 81 })).settle();
  const [failed, ...rest] = rig.takeMessages();
  assert.is(failed?.type, 'failed');
  assert.equal(rest, []);
});

agents('another id for the tuple ends the old connection silently, then replays', async () => {
  const rig = await servingRig();
  const second = { id: { run: 7, counter: 2 }, clientIsn: 0x20000000, timestampRecent: 5000 };
  rig.message(makeHandoff(second)).settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: second.id }]);
  assert.is(rig.server.kernel.openSockets, 1);
  assert.is(rig.server.sockets.length, 2);
  assert.is(rig.entries.length, 1);
  const flags = readAll(rig.takeToClient()).map((packet) => packet.flags);
  assert.equal(flags, [TCP_ACK]);
  const { replaced, open } = rig.agent.stats();
  assert.equal({ replaced, open }, { replaced: 1, open: 1 });
});

agents('another id while the first one is still replayed', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.takeMessages();
  rig.loses = (packet) => read(packet).payload.length > 0 && rig.nowMs < 10_050;
  rig.message(makeHandoff()).settle();
  rig.message(makeHandoff({ id: { run: 7, counter: 2 }, clientIsn: 0x20000000 })).settle();
  rig.pass(300);
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: { run: 7, counter: 2 } }]);
  assert.is(rig.server.kernel.openSockets, 1);
});

agents('a live connection of the tuple that the agent does not know is ended', async () => {
  const rig = await AgentRig.make();
  openPlainly(rig.server, TUPLE.clientPort, 0x10000000);
  rig.server.take();
  rig.up();
  rig.takeMessages();
  rig.message(makeHandoff()).settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  assert.is(rig.server.kernel.openSockets, 1);
});

agents(
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

agents('a confirmation of ready does not confirm the close that follows it', async () => {
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

agents('a reset of the server closes', async () => {
  const rig = await servingRig();
  rig.server.text();
  rig.server.sockets[0]!.abort();
  rig.settle();
  assert.equal(rig.takeMessages(), [{ type: 'close', id: ID, tuple: TUPLE }]);
  assert.ok(read(rig.takeToClient()[0]!).flags & TCP_RST);
});

agents(
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

agents(
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
    assert.equal(rig.takeMessages(), [{ type: 'confirm', ids: [ID] }]);
    assert.is(rig.server.kernel.openSockets, 0);
    assert.equal(rig.takeToClient(), []);
    assert.is(rig.agent.stats().open, 0);
    assert.is(rig.agent.stats().killsUnconfirmed, 0);
    rig.pass(6000);
    assert.equal(rig.entries, []);
  },
);

agents('close of an id that is not there is confirmed', async () => {
  const rig = await servingRig();
  const id = { run: 7, counter: 99 };
  rig.message({ type: 'close', id, tuple: TUPLE }).settle();
  assert.equal(rig.takeMessages(), [{ type: 'confirm', ids: [id] }]);
  assert.is(rig.server.kernel.openSockets, 1);
});

agents('close of the switch during a replay: no outcome is told', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.takeMessages();
  rig.loses = (packet) => read(packet).payload.length > 1;
  rig.message(makeHandoff()).settle();
  rig.message({ type: 'close', id: ID, tuple: TUPLE }).settle();
  rig.pass(3000);
  assert.equal(rig.takeMessages(), [{ type: 'confirm', ids: [ID] }]);
  assert.is(rig.server.listener.requests.size, 0);
  assert.is(rig.agent.stats().open, 0);
});

agents('idle: a kernel that knows the connection answers, and it stays', async () => {
  const rig = await servingRig();
  rig.pass(3_610_000);
  assert.ok(rig.agent.stats().probes.idle >= 1);
  assert.is(rig.agent.stats().open, 1);
  const probes = rig.agent.stats().probes.idle;
  rig.pass(60_000);
  assert.is(rig.agent.stats().probes.idle, probes);
});

agents('idle: a kernel that forgot the connection resets it, and it closes', async () => {
  const rig = await servingRig();
  rig.server.sockets[0]!.destroy();
  rig.pass(3_610_000);
  assert.is(rig.agent.stats().open, 0);
  assert.ok(rig.takeMessages().some(({ type }) => type === 'close'));
});

agents('idle: a kernel that does not answer three probes loses it', async () => {
  const rig = await servingRig();
  rig.loses = () => true;
  rig.pass(3_640_000);
  const close = rig.takeMessages().find(({ type }) => type === 'close');
  assert.equal(close, { type: 'close', id: ID, tuple: TUPLE });
  assert.is(rig.agent.stats().open, 0);
  assert.is(rig.notices.length, 1);
});

agents(
  'a broken channel: connections are served, outcomes wait, then go before the list',
  async () => {
    const rig = await servingRig();
    rig.message(makeHandoff({ id: { run: 7, counter: 2 }, tuple: { ...TUPLE, clientPort: 7 } }));
    rig.settle();
    rig.takeMessages();
    rig.down();
    rig.server.text();
    rig.server.sockets[0]!.send(new TextEncoder().encode('still here'));
    rig.settle();
    assert.is(new TextDecoder().decode(read(rig.takeToClient().at(-1)!).payload), 'still here');
    rig.server.sockets[0]!.abort();
    rig.settle().pass(3000);
    assert.equal(rig.takeMessages(), []);
    rig.up();
    const [, ready, close, resync] = rig.takeMessages().sort(byType);
    assert.is(ready?.type, 'ready');
    assert.is(close?.type, 'close');
    assert.is(resync?.type === 'resync' && resync.entries.length, 1);
  },
);

const ORDER = ['hello', 'ready', 'close', 'resync'];
const byType = (a: { type: string }, b: { type: string }) =>
  ORDER.indexOf(a.type) - ORDER.indexOf(b.type);

agents('what the list of the switch does not name is taken from the server silently', async () => {
  const rig = await servingRig();
  const kept = { id: { run: 7, counter: 2 }, tuple: { ...TUPLE, clientPort: 7 } };
  rig.message(makeHandoff(kept)).settle();
  rig.message({ type: 'confirm', ids: [kept.id] });
  rig.down().up();
  const later = { id: { run: 7, counter: 3 }, tuple: { ...TUPLE, clientPort: 8 } };
  rig.message(makeHandoff(later)).settle();
  rig.takeToClient();
  rig.message({ type: 'resync', entries: [], last: false });
  rig.message({ type: 'resync', entries: [{ ...kept, clientIsn: 1 }], last: true }).settle();
  assert.is(rig.server.kernel.openSockets, 2);
  assert.is(rig.agent.stats().open, 2);
  assert.equal(rig.takeToClient(), []);
  const open = rig.entries.filter((entry) => rig.connections.state(entry) === L.STATE_FORWARD);
  assert.equal(open.map((entry) => rig.connections.clientPort(entry)).sort(), [7, 8]);
});

agents('a held packet that is lost on its way does not stop the connection', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.message(makeHandoff());
  const entry = rig.entries[0]!;
  // one packet more was counted than ever comes
  const at = rig.connections.recordAddress(entry) + L.RECORD_HELD_COUNT;
  rig.settle();
  assert.is(rig.connections.state(entry), L.STATE_FORWARD);
  rig.message(makeHandoff({ id: { run: 7, counter: 2 }, clientIsn: 5 }));
  const next = rig.entries[0]!;
  rig.connections.view.setUint32(at + (next - entry) * L.RECORD_SIZE, 1, true);
  rig.settle();
  assert.is(rig.connections.state(next), L.STATE_DRAINING);
  rig.pass(1000);
  assert.is(rig.connections.state(next), L.STATE_FORWARD);
});

agents('open connections are reported every second', async () => {
  const rig = await servingRig();
  rig.messages = [];
  rig.pass(3000);
  const loads = rig.messages.filter(({ message }) => message.type === 'load');
  assert.is(loads.length, 3);
  assert.equal(loads[0], { to: 'switch', message: { type: 'load', openConnections: 1 } });
});

agents('switches of a group share bindings, groups do not', async () => {
  const rig = await AgentRig.make();
  const handoffOf = (name: string, group: string) => {
    rig.up(switchHello({ name, group }), name);
    const hello = rig.takeMessages().find(({ type }) => type === 'hello');
    return hello?.type === 'hello' ? hello.bindings[0]!.handoff.join('.') : '';
  };
  assert.is(handoffOf('a', 'main'), '10.81.1.1');
  assert.is(handoffOf('b', 'main'), '10.81.1.1');
  assert.is(handoffOf('c', 'other'), '10.81.1.2');
});

agents.run();
