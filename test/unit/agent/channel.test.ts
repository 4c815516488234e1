import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { IN_FRONT } from '../../../src/channel/messages.ts';
import { AgentRig, ID, TUPLE, readyRig, servingRig, switchHello } from '../../support/agent-rig.ts';
import { HANDOFF, VIP, makeHandoff, read } from '../../support/server-kernel.ts';

const channels = suite('agent, channel');
channels('a switch is answered with addresses for its services and an empty list', async () => {
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

channels('ready is repeated until it is confirmed', async () => {
  const rig = await readyRig();
  rig.takeMessages();
  rig.pass(2500);
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
  rig.message({ type: 'confirm', ids: [ID] }).message({ type: 'confirm', ids: [ID] });
  rig.pass(5000);
  assert.equal(rig.takeMessages(), []);
});

channels('another peer confirms and closes nothing', async () => {
  const rig = await readyRig();
  rig.up(switchHello({ name: 'other', run: 8 }), 'other');
  rig.takeMessages();
  rig.message({ type: 'confirm', ids: [ID], of: 'ready' }, 'other');
  rig.message({ type: 'close', id: ID, tuple: TUPLE }, 'other').settle();
  const [entry] = rig.entries;
  assert.is(rig.connections.record32(entry!, L.RECORD_TERMINAL), L.TERMINAL_READY);
  assert.is(rig.connections.state(entry!), L.STATE_FORWARD);
  rig.message({ type: 'confirm', ids: [ID], of: 'ready' });
  assert.is(rig.connections.record32(entry!, L.RECORD_TERMINAL), 0);
});

channels(
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

channels(
  'what the list of the switch does not name is taken from the server silently',
  async () => {
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
  },
);

channels('a held packet that is lost on its way does not stop the connection', async () => {
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

channels('open connections are reported every second', async () => {
  const rig = await servingRig();
  rig.messages = [];
  rig.pass(3000);
  const loads = rig.messages.filter(({ message }) => message.type === 'load');
  assert.is(loads.length, 3);
  assert.equal(loads[0], { to: 'switch', message: { type: 'load', openConnections: 1 } });
});

channels('switches of a group share bindings, groups do not', async () => {
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

channels('a switch that was in front and comes back with servers of its own is heard', async () => {
  const rig = await AgentRig.make();
  rig.up(switchHello({ capabilities: [IN_FRONT] }));
  rig.down().up();
  rig.takeMessages();
  rig.message(makeHandoff()).settle();
  assert.equal(rig.takeMessages(), [{ type: 'ready', id: ID }]);
});

channels.run();
