// A switch that has just started: servers have connections that it does not know, whose clients may
// repeat their first segment with a cookie that is still good.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import { Client, REQUEST } from '../client.ts';
import { CLIENT, Rig, VIP, testConfig } from '../rig.ts';

const test = suite('switch, restart');
const ID = { run: 3, counter: 9 };
const PORT = 5555;
const tuple = { client: CLIENT, clientPort: PORT, vip: VIP, vipPort: 80 };

function starting(servers: number): Promise<Rig> {
  return Rig.make(testConfig(servers), undefined, 0);
}

function list(rig: Rig, server: number, client: Client): void {
  rig.up(server, false);
  const entries = [{ id: ID, tuple, clientIsn: client.isn }];
  rig.message(server, { type: 'resync', entries, last: true });
}

test('restart: a repeated request waits for the list of the agent that has it', async () => {
  const rig = await starting(2);
  const client = new Client(rig, { port: PORT });
  rig.up(1);
  client.open();
  client.send(REQUEST);
  assert.is(rig.count('handoff'), 0, 'the other agent may have it');
  assert.equal(rig.take(), [], 'and no answer of ours gets between');
  list(rig, 2, client);
  assert.is(client.state(), L.STATE_FORWARD);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff'), 0);
  assert.equal([...rig.take()[0]!.destination], [10, 81, 2, 1]);
});

test('restart: without a channel a request is put off, not refused', async () => {
  const rig = await starting(1);
  const client = new Client(rig, { port: PORT });
  client.open();
  client.send(REQUEST);
  assert.equal(rig.take(), []);
  rig.up(1);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff'), 1);
  assert.is(rig.plane.stats().early, 1);
});

test('restart: an agent that stays away is not waited for longer than 3 s', async () => {
  const rig = await starting(2);
  rig.up(1);
  rig.wait(3000);
  const client = new Client(rig, { port: PORT });
  client.open();
  client.send(REQUEST);
  assert.is(rig.count('handoff', 1), 1);
});

for (const [what, options, sinceMs, handoffs] of [
  ['of this run waits for no agent', true, 1, 1],
  ['of a former run waits', true, -1, 0],
  ['without timestamps waits', false, 1, 0],
] as const) {
  test(`restart: while an agent is away, a request behind a handshake ${what}`, async () => {
    const rig = await starting(2);
    rig.up(1);
    rig.wait(10);
    const client = new Client(rig, { port: PORT, options });
    client.open();
    if (options) client.echo = (rig.nowMs - 10 + sinceMs) >>> 0;
    client.send(REQUEST);
    assert.is(rig.count('handoff', 1), handoffs);
  });
}

test('restart: an acknowledgment alone does not keep its connection from its agent', async () => {
  const rig = await starting(1);
  const client = new Client(rig, { port: PORT });
  client.open();
  assert.is(client.state(), L.STATE_GATHERING);
  list(rig, 1, client);
  assert.is(rig.count('close'), 0);
  assert.is(client.state(), L.STATE_FORWARD);
});

test('restart: a younger connection keeps its tuple', async () => {
  const rig = await starting(1);
  const client = new Client(rig, { port: PORT });
  client.open();
  rig.up(1, false);
  const entries = [{ id: ID, tuple, clientIsn: client.isn - 9 }];
  rig.message(1, { type: 'resync', entries, last: true });
  assert.is(rig.count('close'), 1);
  assert.is(client.state(), L.STATE_GATHERING);
});

test('restart: what the client has forgotten does not take its next connection', async () => {
  const rig = await starting(1);
  const client = new Client(rig, { port: PORT });
  client.open();
  client.send(REQUEST);
  assert.is(client.state(), L.STATE_FREE, 'put off');
  rig.up(1, false);
  const entries = [{ id: ID, tuple, clientIsn: client.isn - 9 }];
  rig.message(1, { type: 'resync', entries, last: true });
  assert.is(rig.count('close'), 1);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff'), 1);
});

test('restart: a kept copy of what was before a connection does not end it', async () => {
  const rig = await starting(1);
  const client = new Client(rig, { port: PORT });
  client.open();
  rig.up(1, false);
  const entries = [{ id: ID, tuple, clientIsn: client.isn + 9 }];
  rig.message(1, { type: 'resync', entries, last: true });
  assert.is(rig.count('close'), 0);
  assert.is(client.state(), L.STATE_FORWARD);
});

test('restart: a handoff of the former run that failed unseen leaves the client its try', async () => {
  const rig = await starting(2);
  const client = new Client(rig, { port: PORT });
  client.open(false);
  list(rig, 1, client);
  rig.up(2);
  rig.message(1, { type: 'failed', id: ID, delivered: 'no', reason: 'refused' });
  assert.is(client.state(), L.STATE_FREE);
  assert.is(rig.plane.stats().servers[0]!.active, 0);
  client.send(REQUEST);
  assert.is(rig.count('handoff'), 1);
});

test('restart: a handoff of the former run that may have been seen resets the client', async () => {
  const rig = await starting(1);
  const client = new Client(rig, { port: PORT });
  client.open(false);
  list(rig, 1, client);
  rig.message(1, { type: 'failed', id: ID, delivered: 'maybe', reason: 'gone' });
  rig.take();
  client.send(REQUEST);
  assert.is(rig.count('handoff'), 0);
  const [reset] = rig.take();
  assert.is(reset!.flags, TCP_RST | TCP_ACK);
  assert.is(reset!.sequence, client.ack);
});

test.run();
