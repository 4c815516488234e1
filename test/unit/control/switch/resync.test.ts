import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../../../assembly/wire/tcp.ts';
import { Client, handed } from '../client.ts';
import { CLIENT, Rig, VIP, testConfig } from '../rig.ts';

const test = suite('resync');

async function forwarded(port: number, rig: Rig) {
  const made = handed(rig, { port });
  rig.message(made.server, { type: 'ready', id: made.handoff.id });
  return made;
}

test('resync: our list follows the agent\u2019s and holds what is with it', async () => {
  const rig = await Rig.make(testConfig(2));
  rig.up(1);
  rig.up(2);
  const all = [await forwarded(1000, rig), await forwarded(1001, rig), await forwarded(1002, rig)];
  const ofFirst = all.filter(({ server }) => server === 1);
  rig.down(1);
  rig.up(1, false);
  assert.is(rig.count('resync'), 0, 'not before the agent told its own');
  const entries = ofFirst.map(({ handoff, client }) => {
    return { id: handoff.id, tuple: handoff.tuple, clientIsn: client.isn };
  });
  rig.message(1, { type: 'resync', entries: entries.slice(0, 1), last: false });
  assert.is(rig.count('resync'), 0);
  rig.message(1, { type: 'resync', entries: entries.slice(1), last: true });
  const ours = rig.last('resync');
  assert.ok(ours.last);
  const byPort = (list: typeof entries) =>
    [...list].sort((a, b) => a.tuple.clientPort - b.tuple.clientPort);
  assert.equal(byPort(ours.entries), byPort(entries));
  for (const { client } of all) assert.is(client.state(), L.STATE_FORWARD);
});

test('resync: a late copy of the SYN does not end the reset of what the agent lacks', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const { client } = await forwarded(1000, rig);
  rig.down(1);
  rig.up(1);
  rig.take();
  client.flag(TCP_SYN, { sequence: client.isn, acknowledgment: 0 });
  assert.equal(rig.take(), []);
  client.flag(TCP_ACK, { acknowledgment: client.ack + 5000 });
  const [reset] = rig.take();
  assert.is(reset!.flags, TCP_RST | TCP_ACK);
  assert.is(reset!.sequence, client.ack + 5000);
});

test('resync: what the agent lacks is reset, once the client has told where it is', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const { client } = await forwarded(1000, rig);
  rig.down(1);
  rig.up(1);
  const [reset, probe] = rig.take();
  assert.is(reset!.flags, TCP_RST | TCP_ACK);
  assert.is(reset!.sequence, client.ack);
  assert.is(probe!.flags, TCP_ACK);
  assert.is(probe!.sequence, client.switchIsn, 'an old one');
  assert.is(probe!.payload.length, 1, 'a bare ACK with an old timestamp is not answered by all');
  client.flag(TCP_ACK, { acknowledgment: client.ack + 5000 });
  const [again] = rig.take();
  assert.is(again!.flags, TCP_RST | TCP_ACK);
  assert.is(again!.sequence, client.ack + 5000);
  assert.is(rig.plane.stats().servers[0]!.active, 0);
  assert.is(rig.plane.stats().lost, 1);
  rig.wait(11_000);
  rig.take();
  client.flag(TCP_ACK);
  assert.equal(rig.take(), [], 'nothing is forwarded to the server that lost it');
});

test('resync: a client that was not heard is asked again, until it has told', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const { client } = await forwarded(1000, rig);
  rig.down(1);
  rig.up(1);
  rig.take();
  rig.wait(3500);
  const asked = rig.take();
  assert.equal(
    asked.map(({ sequence, payload }) => [sequence, payload.length]),
    [1, 2, 3].map(() => [client.switchIsn, 1]),
  );
  client.flag(TCP_ACK, { acknowledgment: client.ack + 5000 });
  client.flag(TCP_RST, { sequence: client.isn + 1 });
  rig.take();
  rig.wait(20_000);
  assert.equal(rig.take(), [], 'its kernel has forgotten the connection');
});

test('confirm: only the server that owes it settles a close', async () => {
  const rig = await Rig.make(testConfig(2));
  rig.up(1);
  rig.up(2);
  const { handoff, server, client } = handed(rig);
  const other = 3 - server;
  client.flag(TCP_RST);
  assert.is(rig.count('close', server), 1);
  const { id } = handoff;
  rig.message(other, { type: 'confirm', ids: [id], of: 'close' });
  rig.message(other, { type: 'failed', id, delivered: 'no', reason: 'never asked' });
  rig.message(other, { type: 'close', id, tuple: handoff.tuple });
  assert.is(rig.plane.stats().owedCloses, 1);
  rig.wait(1000);
  assert.is(rig.count('close', server), 2, 'still owed, so repeated');
  rig.message(server, { type: 'confirm', ids: [id], of: 'close' });
  assert.is(rig.plane.stats().owedCloses, 0);
});

test('resync: a handoff after the channel came up is younger than the list', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  rig.down(1);
  rig.up(1, false);
  const { client } = await forwarded(1000, rig);
  rig.message(1, { type: 'resync', entries: [], last: true });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(rig.last('resync').entries.length, 1);
});

test('resync: an empty switch takes over what the agents have', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1, false);
  const tuple = { client: CLIENT, clientPort: 5555, vip: VIP, vipPort: 80 };
  const id = { run: 3, counter: 9 };
  rig.message(1, { type: 'resync', entries: [{ id, tuple, clientIsn: 7 }], last: true });
  assert.equal(rig.last('resync').entries, [{ id, tuple, clientIsn: 7 }]);
  const client = new Client(rig, { port: 5555, isn: 7 });
  assert.is(client.state(), L.STATE_FORWARD);
  client.flag(TCP_ACK);
  assert.equal([...rig.take()[0]!.destination], [10, 81, 1, 1]);
  assert.is(rig.plane.stats().servers[0]!.active, 1);
  rig.message(1, { type: 'close', id, tuple });
  assert.is(client.state(), L.STATE_CLOSED);
  assert.is(rig.plane.stats().servers[0]!.active, 0);
});

test('resync: what is another connection here, or with another server, is closed', async () => {
  const rig = await Rig.make(testConfig(2));
  rig.up(1);
  const { client, handoff } = await forwarded(1000, rig);
  const stale = { run: 3, counter: 9 };
  rig.up(2, false);
  const entries = [
    { id: stale, tuple: handoff.tuple, clientIsn: client.isn },
    { id: handoff.id, tuple: handoff.tuple, clientIsn: client.isn },
    { id: { run: 3, counter: 10 }, tuple: { ...handoff.tuple, vipPort: 81 }, clientIsn: 1 },
  ];
  rig.message(2, { type: 'resync', entries, last: true });
  assert.is(rig.count('close', 2), 3);
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(rig.last('resync').entries.length, 0);
});

test('resync: what was given up is not taken back', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const { client, handoff } = handed(rig);
  rig.down(1);
  rig.take();
  rig.up(1, false);
  const entries = [{ id: handoff.id, tuple: handoff.tuple, clientIsn: client.isn }];
  rig.message(1, { type: 'resync', entries, last: true });
  assert.equal(rig.last('close').id, handoff.id);
  assert.is(rig.last('resync').entries.length, 0);
  assert.is.not(client.state(), L.STATE_FORWARD);
});

test.run();
