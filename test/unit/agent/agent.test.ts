import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_PSH, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { advance } from '../../../src/packet/sequence.ts';
import {
  AFTER_REQUEST,
  AgentRig,
  ID,
  TUPLE,
  readyRig,
  servingRig,
} from '../../support/agent-rig.ts';
import {
  REQUEST,
  VIP,
  makeHandoff,
  openPlainly,
  read,
  readAll,
} from '../../support/server-kernel.ts';

const agents = suite('agent');
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

const text = (part: string) => new TextEncoder().encode(part);

agents('packets of the client that came during the replay follow in order', async () => {
  const rig = await AgentRig.make();
  rig.up();
  rig.loses = (packet) => (read(packet).flags & TCP_SYN) !== 0 && rig.nowMs < 10_100;
  rig.message(makeHandoff()).settle();
  const options = { timestamps: { value: 1200, echo: 2222 } };
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

agents.run();
