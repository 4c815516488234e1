// What an agent tells of connections between two requests, and what goes to their clients afterwards.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN } from '../../../assembly/wire/tcp.ts';
import type { Idle } from '../../../src/channel/idle-message.ts';
import { advance } from '../../../src/packet/sequence.ts';
import { AFTER_REQUEST, AgentRig, ID, TUPLE, switchHello } from '../../support/agent-rig.ts';
import { REQUEST, makeHandoff, readAll } from '../../support/server-kernel.ts';

const test = suite('agent, boundaries');
const BODY = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const SOON_MS = 3000;
const LEASE_MS = 1000;
const HELLO = switchHello({ capabilities: ['idle'] });

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A connection each of whose requests is dispatched, with a lease that does not end before `leaseMs`. */
async function rigOf(hello = HELLO, leaseMs = Infinity, options = {}): Promise<AgentRig> {
  const rig = await AgentRig.make(options);
  rig.up(hello);
  rig.core.view.setFloat64(leaseAt(rig), leaseMs, true);
  rig.message(makeHandoff({ requests: { next: AFTER_REQUEST, isHead: false } })).settle();
  rig.message({ type: 'confirm', ids: [ID] });
  rig.takeMessages();
  rig.takeToClient();
  rig.server.text();
  return rig;
}

function leaseAt(rig: AgentRig): number {
  return rig.core.view.getUint32(L.HEADER_LEASE_BASE, true);
}

/** The server says it; returns what the client must acknowledge then. */
function say(rig: AgentRig, text: string): number {
  rig.server.sockets.at(-1)!.send(bytes(text));
  rig.settle();
  const last = readAll(rig.takeToClient()).at(-1)!;
  return advance(last.sequence, last.payload.length);
}

function acknowledge(rig: AgentRig, acknowledgment: number, sequence = AFTER_REQUEST): void {
  rig.fromClient({ sequence, acknowledgment, flags: TCP_ACK }).settle();
}

function told(rig: AgentRig): Idle['connections'] {
  rig.pass(SOON_MS);
  return rig
    .takeMessages()
    .flatMap((message) => (message.type === 'idle' ? message.connections : []));
}

/** An answered connection that was told of. */
async function resting(leaseMs = Infinity) {
  const rig = await rigOf(HELLO, leaseMs);
  const next = say(rig, BODY);
  acknowledge(rig, next);
  const [idle] = told(rig);
  return { rig, next, idle };
}

test('an answered connection is told once: where its client is, and how many requests', async () => {
  const { rig, next, idle } = await resting();
  const { timestamp } = idle!;
  const expected = { id: ID, tuple: TUPLE, next, timestamp, sequence: AFTER_REQUEST, requests: 1 };
  assert.equal(idle, expected);
  assert.ok(timestamp >= 2222);
  assert.equal(told(rig), []);
  assert.is(rig.agent.stats().idleTold, 1);
});

test('no answer, half of one, and one that is not acknowledged: nothing is told', async () => {
  const rig = await rigOf();
  assert.equal(told(rig), []);
  acknowledge(rig, say(rig, BODY.slice(0, -1)));
  assert.equal(told(rig), []);
  const next = say(rig, BODY.slice(-1));
  assert.equal(told(rig), []);
  acknowledge(rig, next);
  assert.is(told(rig).length, 1);
});

test('a switch that did not ask is not told, and nothing is kept back', async () => {
  const rig = await rigOf(switchHello());
  acknowledge(rig, say(rig, BODY));
  assert.equal(told(rig), []);
  rig.server.sockets[0]!.close();
  rig.settle();
  assert.ok(readAll(rig.takeToClient()).some(({ flags }) => (flags & TCP_FIN) !== 0));
});

test('behind the lease nothing goes to a client at a boundary, but to one in a response', async () => {
  const { rig } = await resting(1e6);
  rig.core.view.setFloat64(leaseAt(rig), 1, true);
  rig.server.sockets[0]!.send(bytes(BODY));
  rig.server.sockets[0]!.close();
  rig.pass(2000);
  assert.equal(rig.takeToClient(), []);
  const busy = await rigOf(HELLO, 1);
  say(busy, BODY.slice(0, -1));
  assert.is(say(busy, BODY.slice(-1)) > 0, true);
});

test('the next request ends it; its answer is told again', async () => {
  const { rig, next } = await resting();
  const after = advance(AFTER_REQUEST, REQUEST.length);
  const request = { sequence: AFTER_REQUEST, acknowledgment: next, flags: TCP_ACK };
  rig.message({ type: 'requests', id: ID, tuple: TUPLE, count: 2, next: after });
  rig.fromClient({ ...request, payload: REQUEST }).settle();
  assert.is(rig.connections.flags(rig.entries[0]!) & L.FLAG_AT_BOUNDARY, 0);
  const second = say(rig, BODY);
  acknowledge(rig, second, after);
  const [idle] = told(rig);
  assert.is(idle!.requests, 2);
  assert.is(idle!.sequence, after);
  assert.is(idle!.next, second);
});

test('a server that ends the connection unasked does so after the switch was told', async () => {
  const { rig, next } = await resting();
  rig.server.sockets[0]!.close();
  rig.settle();
  const [first] = rig.takeMessages() as Idle[];
  assert.is(first!.connections[0]!.requests, 0);
  const [fin] = readAll(rig.takeToClient());
  assert.is(fin!.flags & TCP_FIN, TCP_FIN);
  assert.is(fin!.sequence, next);
  assert.equal(told(rig), []);
});

test('until the switch has acknowledged that it was told the server stays unheard', async () => {
  let acknowledgedMs = 0;
  const rig = await rigOf(HELLO, Infinity, { leaseDeadlineMs: () => acknowledgedMs + LEASE_MS });
  acknowledge(rig, say(rig, BODY));
  assert.is(told(rig).length, 1);
  rig.server.sockets[0]!.close();
  rig.pass(2000);
  const takenBack = rig.takeMessages() as Idle[];
  assert.equal(
    takenBack.map(({ connections }) => connections.map(({ requests }) => requests)),
    [[0]],
  );
  assert.equal(rig.takeToClient(), []);
  acknowledgedMs = Infinity;
  rig.pass(30_000);
  assert.ok(readAll(rig.takeToClient()).some(({ flags }) => (flags & TCP_FIN) !== 0));
});

test('while the switch cannot be told the server stays unheard', async () => {
  const { rig } = await resting();
  rig.down();
  rig.server.sockets[0]!.close();
  rig.pass(2000);
  assert.equal(rig.takeToClient(), []);
  rig.up(HELLO).takeMessages();
  rig.pass(30_000);
  assert.ok(readAll(rig.takeToClient()).some(({ flags }) => (flags & TCP_FIN) !== 0));
});

test('a client that ends the connection gets the FIN of its server at once', async () => {
  const { rig, next } = await resting();
  rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment: next, flags: TCP_ACK | TCP_FIN });
  rig.settle();
  rig.server.sockets[0]!.close();
  rig.settle();
  assert.ok(readAll(rig.takeToClient()).some(({ flags }) => (flags & TCP_FIN) !== 0));
});

test('a switch that comes back is told again', async () => {
  const { rig, idle } = await resting();
  rig.down().up(HELLO);
  assert.equal(told(rig), [idle]);
  assert.equal(told(rig), []);
});

test.run();
