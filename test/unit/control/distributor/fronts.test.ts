// A distributor behind a switch that reads nothing: what it tells that switch, and when.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Message } from '../../../../src/channel/messages.ts';
import { Client } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('distributor behind a switch');

/** On server1's host; the pool's round robin gives it the first connection, server2 the second. */
async function rigBehind(): Promise<Rig> {
  const rig = await Rig.make(testConfig(2, { name: 'server1' }));
  for (const server of [1, 2]) rig.up(server);
  frontUp(rig);
  return rig;
}

function frontUp(rig: Rig): void {
  const hello = { ...rig.helloOf(9), name: 'front', roles: ['switch'], group: 'main' };
  rig.feed({ kind: 'channel-up', peer: 'front', hello: { ...hello, capabilities: ['in-front'] } });
}

const toFront = (rig: Rig): string[] =>
  rig.messages.filter(({ to }) => to === 'front').map(({ message }) => message.type);

/** A client whose request that server has. */
function served(rig: Rig, port: number, server: number): Client {
  const client = new Client(rig, { port });
  client.open();
  client.send('GET / HTTP/1.0\r\n\r\n');
  const handoff = rig.last('handoff');
  rig.message(server, { type: 'ready', id: handoff.id });
  rig.take();
  return client;
}

test('behind: it says where it takes new connections', async () => {
  const rig = await rigBehind();
  const hello = rig.last('hello');
  assert.equal(hello.roles, ['distributor']);
  assert.is(hello.bindings.length, 2);
});

test('behind: a handoff to its own host tells the switch nothing, one elsewhere an update', async () => {
  const rig = await rigBehind();
  rig.messages = [];
  served(rig, 40_001, 1);
  assert.equal(toFront(rig), []);
  const client = served(rig, 40_002, 2);
  assert.equal(toFront(rig), ['update']);
  const update = rig.last('update');
  assert.equal([update.server, update.clientIsn], ['server2', client.isn]);
  assert.equal([...update.handoff], [10, 81, 2, 1]);
  const { localHandoffs, updatesSent } = rig.plane.stats();
  assert.equal([localHandoffs, updatesSent], [1, 1]);
});

test('behind: no update before the server has confirmed', async () => {
  const rig = await rigBehind();
  served(rig, 40_001, 1);
  rig.messages = [];
  const client = new Client(rig, { port: 40_002 });
  client.open();
  client.send('GET / HTTP/1.0\r\n\r\n');
  assert.is(rig.count('handoff', 2), 1);
  assert.equal(toFront(rig), []);
});

test('behind: it forwards until the update is confirmed, and what is late after that', async () => {
  const rig = await rigBehind();
  served(rig, 40_001, 1);
  const client = served(rig, 40_002, 2);
  const { id } = rig.last('update');
  rig.messages = [];
  client.send('more');
  assert.is(rig.take().length, 1);
  assert.is(client.state(), L.STATE_FORWARD);
  rig.wait(2500);
  assert.equal(toFront(rig), ['update'], 'repeated until confirmed');
  const confirm: Message = { type: 'confirm', ids: [id], of: 'update' };
  rig.feed({ kind: 'message', from: 'front', message: confirm });
  assert.is(client.state(), L.STATE_PASSED);
  client.send('late');
  assert.is(rig.take().length, 1);
  rig.messages = [];
  rig.wait(10_000);
  assert.equal(toFront(rig), []);
  rig.message(2, { type: 'close', id, tuple: rig.plane['state'].tupleOf(client.entry()) });
  assert.is(client.state(), L.STATE_CLOSED);
});

test('behind: a switch that was away hears what it has not confirmed', async () => {
  const rig = await rigBehind();
  served(rig, 40_001, 1);
  served(rig, 40_002, 2);
  rig.feed({ kind: 'channel-down', peer: 'front' });
  rig.messages = [];
  rig.wait(5000);
  assert.equal(toFront(rig), []);
  frontUp(rig);
  assert.equal(toFront(rig), ['update', 'hello']);
});

test('behind: the switch hears of the end of what no server got', async () => {
  const rig = await rigBehind();
  const client = new Client(rig, { port: 40_001 });
  client.open();
  client.send('GET / HT');
  rig.messages = [];
  client.flag(TCP_ACK | TCP_RST);
  const close = rig.last('close');
  assert.is(close.clientIsn, client.isn);
  assert.equal(toFront(rig), ['close']);
  rig.wait(2500);
  assert.equal(toFront(rig), ['close', 'close'], 'repeated until confirmed');
  const confirm: Message = { type: 'confirm', ids: [close.id], of: 'close' };
  rig.feed({ kind: 'message', from: 'front', message: confirm });
  rig.wait(10_000);
  assert.is(toFront(rig).length, 2);
});

test.run();
