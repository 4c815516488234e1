// Connections that one side has forgotten, or never ends: no entry may stay for them, and nothing of a
// next connection may reach the server that had them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { advance } from '../../../src/packet/sequence.ts';
import { AFTER_REQUEST, ID, TUPLE, servingRig } from '../../support/agent-rig.ts';
import type { AgentRig } from '../../support/agent-rig.ts';
import { readAll } from '../../support/server-kernel.ts';

const stale = suite('agent, stale connections');
const CLOSE = { type: 'close', id: ID, tuple: TUPLE };

/** A client's SYN for a connection of its own, on the ports of the one that is here. */
function beginAnew(rig: AgentRig): void {
  rig.fromClient({ sequence: advance(AFTER_REQUEST, 1 << 28), flags: TCP_SYN }).settle();
}

stale('a SYN does not reach a kernel that forgot the connection; it closes', async () => {
  const rig = await servingRig();
  rig.server.sockets[0]!.destroy();
  beginAnew(rig);
  assert.is(rig.server.listener.requests.size, 0, 'nothing goes past the dispatcher');
  assert.is(readAll(rig.takeToClient()).filter(({ flags }) => flags & TCP_SYN).length, 0);
  assert.equal(rig.takeMessages(), [CLOSE]);
});

stale('a SYN on a living connection is answered with an ACK, whose RST ends it', async () => {
  const rig = await servingRig();
  beginAnew(rig);
  const [challenge] = readAll(rig.takeToClient());
  assert.is(challenge!.flags, TCP_ACK);
  assert.is(challenge!.acknowledgment, AFTER_REQUEST);
  assert.equal(rig.takeMessages(), []);
  rig.fromClient({ sequence: challenge!.acknowledgment, flags: TCP_RST }).settle();
  assert.equal(rig.takeMessages(), [CLOSE]);
  assert.is(rig.server.kernel.openSockets, 0);
});

stale('a client that never ends its half goes when the kernel has given it up', async () => {
  const rig = await servingRig();
  rig.server.text();
  rig.server.sockets[0]!.close();
  rig.settle();
  rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment: 5002, flags: TCP_ACK }).settle();
  rig.pass(180_000);
  assert.ok(rig.takeMessages().some(({ type }) => type === 'close'));
  assert.is(rig.agent.stats().open, 0);
});

stale('a FIN of nonsense behind the end does not keep a connection', async () => {
  const rig = await servingRig();
  rig.server.text();
  rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment: 5001, flags: TCP_ACK | TCP_FIN });
  rig.settle();
  rig.fromClient({ sequence: 77, acknowledgment: 5001, flags: TCP_ACK | TCP_FIN }).settle();
  rig.server.sockets[0]!.close();
  rig.settle();
  rig.fromClient({ sequence: advance(AFTER_REQUEST, 1), acknowledgment: 5002, flags: TCP_ACK });
  rig.settle().pass(180_000);
  assert.is(rig.agent.stats().open, 0);
});

stale('a client that ended its half waits for a slow server as long as it takes', async () => {
  const rig = await servingRig();
  rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment: 5001, flags: TCP_ACK | TCP_FIN });
  rig.settle().pass(900_000);
  assert.is(rig.agent.stats().open, 1);
  assert.is(rig.connections.state(rig.entries[0]!), L.STATE_FORWARD);
  assert.is(rig.server.kernel.openSockets, 1);
});

stale('a reset that was lost is sent again, however much the client has sent', async () => {
  const rig = await servingRig();
  const options = { timestamps: { value: 1200, echo: 2222 } };
  const step = 20_000;
  let sequence = AFTER_REQUEST;
  const send = () => {
    const payload = new Uint8Array(step);
    rig.fromClient({ sequence, acknowledgment: 5001, flags: TCP_ACK, options, payload }).settle();
    rig.server.sockets[0]?.read();
    sequence = advance(sequence, step);
  };
  for (let sent = 0; sent < 2 << 20; sent += step) send();
  rig.server.sockets[0]!.abort();
  rig.settle().takeToClient();
  send();
  const [again] = readAll(rig.takeToClient());
  assert.ok(again && again.flags & TCP_RST);
});

stale.run();
