import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../assembly/wire/tcp.ts';
import {
  AFTER_REQUEST,
  AgentRig,
  ID,
  TUPLE,
  readyRig,
  servingRig,
} from '../../support/agent-rig.ts';
import { REQUEST, makeHandoff, readAll } from '../../support/server-kernel.ts';

const restarts = suite('agent, restart');
const resyncOf = (rig: AgentRig) => {
  const resync = rig.takeMessages().find(({ type }) => type === 'resync');
  return resync?.type === 'resync' ? resync.entries.map(({ id }) => id) : null;
};

restarts('a connection goes on in both directions, with the numbers it had', async () => {
  const former = await servingRig();
  assert.is(former.server.text(), Buffer.from(REQUEST).toString());
  const rig = await AgentRig.restarted(former);
  rig.up();
  assert.equal(resyncOf(rig), [ID]);
  rig.message({ type: 'resync', entries: [{ ...makeHandoff(), id: ID }], last: true });
  rig.server.sockets[0]!.send(Buffer.from('answer'));
  rig.settle();
  const [answer] = readAll(rig.takeToClient()).filter(({ payload }) => payload.length > 0);
  assert.is(Buffer.from(answer!.payload).toString(), 'answer');
  assert.is(answer!.sequence, makeHandoff().switchNext);
  const more = Buffer.from('more');
  rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment: 5007, flags: TCP_ACK, payload: more });
  rig.settle();
  assert.is(rig.server.text(), 'more');
});

restarts('ready that was not confirmed is told again', async () => {
  const rig = await AgentRig.restarted(await readyRig());
  rig.up();
  assert.ok(rig.takeMessages().some(({ type }) => type === 'ready'));
});

restarts('a replay under way is taken from the kernel, and nobody got the request', async () => {
  const former = await AgentRig.make();
  former.up().message(makeHandoff()); // its packets never reach the kernel
  const rig = await AgentRig.restarted(former);
  rig.up().pass(200);
  const failed = rig.takeMessages().find(({ type }) => type === 'failed');
  assert.equal(failed, {
    type: 'failed',
    id: ID,
    delivered: 'no',
    reason: 'the agent was restarted',
  });
});

restarts('a replay whose request the kernel has got may have been delivered', async () => {
  const former = await AgentRig.make();
  former.up().message(makeHandoff()).settle();
  const [entry] = former.entries as [number];
  // as if the process had died before it saw the kernel's acknowledgment
  const at = former.connections.entryAddress(entry) + L.ENTRY_STATE;
  former.connections.view.setUint32(at, L.STATE_REPLAYING, true);
  const rig = await AgentRig.restarted(former);
  rig.up().pass(200);
  const failed = rig.takeMessages().find(({ type }) => type === 'failed');
  assert.is(failed?.type === 'failed' && failed.delivered, 'maybe');
  assert.is(rig.server.sockets.filter((socket) => socket.state === 'ESTABLISHED').length, 0);
});

restarts('a reset that came while no agent was there reaches the client', async () => {
  const former = await servingRig();
  former.server.text();
  former.server.sockets[0]!.abort();
  former.server.take();
  const rig = await AgentRig.restarted(former);
  rig.up().pass(300);
  assert.ok(readAll(rig.takeToClient()).some(({ flags }) => flags & TCP_RST));
  assert.ok(rig.takeMessages().some(({ type }) => type === 'close'));
});

restarts('a bucket that was being changed is left out, the others are not', async () => {
  const former = await servingRig();
  former.message(
    makeHandoff({ id: { run: 7, counter: 2 }, tuple: { ...TUPLE, clientPort: 5001 } }),
  );
  former.settle();
  const [entry] = former.entries as [number];
  const { view } = former.connections;
  const hash = former.connections.entry32(entry, L.ENTRY_HASH);
  const bucket = hash & (view.getUint32(L.HEADER_BUCKET_COUNT, true) - 1);
  const at = view.getUint32(L.HEADER_BUCKET_BASE, true) + bucket * L.BUCKET_SIZE;
  view.setUint32(at, view.getUint32(at, true) | L.VERSION_LOCKED, true);
  const rig = await AgentRig.restarted(former);
  assert.is(rig.agent.stats().open, 1);
});

restarts('an agent that leaves refuses handoffs and ends those under way', async () => {
  const rig = await AgentRig.make();
  rig.up().message(makeHandoff());
  rig.agent.leave();
  assert.is(rig.agent.underWay, 1);
  rig.message(makeHandoff({ id: { run: 7, counter: 2 }, tuple: { ...TUPLE, clientPort: 5001 } }));
  rig.settle().pass(1000);
  const told = rig.takeMessages().filter(({ type }) => type === 'ready' || type === 'failed');
  assert.equal(told.map(({ type }) => type).sort(), ['failed', 'ready']);
  assert.is(rig.agent.underWay, 0);
});

restarts.run();
