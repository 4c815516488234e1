import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Handoff } from '../../../../src/channel/messages.ts';
import { Client, REQUEST, handed, serverOf } from '../client.ts';
import { Rig, rigUp, testConfig } from '../rig.ts';

const test = suite('failures');

function failed(handoff: Handoff, delivered: 'no' | 'maybe') {
  return { type: 'failed', id: handoff.id, delivered, reason: 'refused' } as const;
}

test('failure: delivered no: the next server is asked, held packets stay', async () => {
  const rig = await rigUp(3);
  const { client, handoff, server } = handed(rig);
  client.send('one');
  rig.message(server, failed(handoff, 'no'));
  const second = rig.last('handoff');
  const next = serverOf(rig, second);
  assert.is.not(next, server);
  assert.is.not(second.id.counter, handoff.id.counter);
  assert.equal(second.bytes, handoff.bytes);
  client.send('two');
  rig.message(next, { type: 'ready', id: second.id });
  const sent = rig.take();
  assert.equal(
    sent.map((packet) => new TextDecoder().decode(packet.payload)),
    ['one', 'two'],
  );
  assert.is(sent[0]!.destination[2], next);
  assert.is(client.state(), L.STATE_FORWARD);
  assert.equal(
    rig.plane.stats().servers.map((each) => each.active),
    [1, 2, 3].map((index) => (index === next ? 1 : 0)),
  );
});

test('failure: packets of the first try, read after the second is ready, still go out', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.paused = true;
  client.send('late');
  rig.message(server, failed(handoff, 'no'));
  const second = rig.last('handoff');
  rig.message(serverOf(rig, second), { type: 'ready', id: second.id });
  assert.is(client.state(), L.STATE_DRAINING);
  rig.paused = false;
  rig.drain();
  assert.is(rig.take().length, 1);
  assert.is(client.state(), L.STATE_FORWARD);
});

test('failure: no server is left: 503 and FIN in one segment', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.message(server, failed(handoff, 'no'));
  const second = rig.last('handoff');
  rig.message(serverOf(rig, second), failed(second, 'no'));
  const [refusal, ...more] = rig.take();
  assert.equal(more, []);
  assert.is(refusal!.flags & (TCP_FIN | TCP_ACK), TCP_FIN | TCP_ACK);
  assert.is(refusal!.sequence, client.ack);
  assert.is(refusal!.acknowledgment, client.next);
  const text = new TextDecoder().decode(refusal!.payload);
  assert.match(text, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
  assert.match(text, /Connection: close\r\n/);
  assert.ok(refusal!.payload.length < 536);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.equal(rig.take().at(-1)!.payload, refusal!.payload);
  const acknowledgment = (client.ack + refusal!.payload.length + 1) >>> 0;
  client.flag(TCP_ACK | TCP_FIN, { acknowledgment });
  assert.is(rig.take().at(-1)!.acknowledgment, (client.next + 1) >>> 0);
  // a late copy of the request finds it
  assert.is(client.state(), L.STATE_CLOSED);
  assert.equal(rig.plane.stats().refused, { 503: 1 });
  assert.is(rig.count('handoff'), 2);
});

test('failure: a late copy of a refused request is refused again, or dropped', async () => {
  const rig = await rigUp();
  const bad = new Client(rig, { port: 4000 });
  const late = new Client(rig, { port: 4001 });
  const copy = { sequence: (bad.isn + 1) >>> 0 };
  for (const [client, text] of [
    [bad, 'GET / HTTP/9.9\r\n\r\n'],
    [late, REQUEST],
  ] as const) {
    if (client === late) for (const server of [1, 2]) rig.down(server);
    client.open();
    client.send(text);
    const [refusal] = rig.take();
    const acknowledgment = (client.ack + refusal!.payload.length + 1) >>> 0;
    client.flag(TCP_ACK | TCP_FIN, { acknowledgment });
    rig.take();
  }
  for (const server of [1, 2]) rig.up(server);
  bad.send('GET / HTTP/9.9\r\n\r\n', copy);
  assert.equal(rig.take(), []);
  rig.wait(16_000);
  bad.send('GET / HTTP/9.9\r\n\r\n', copy);
  assert.match(new TextDecoder().decode(rig.take()[0]!.payload), / 400 /);
  late.send(REQUEST, { sequence: (late.isn + 1) >>> 0 });
  assert.equal(rig.take(), []);
  assert.is(rig.count('handoff'), 0);
});

test('failure: no server can be reached: 503 at once', async () => {
  const rig = await Rig.make(testConfig(2));
  const client = new Client(rig);
  client.open();
  client.send(REQUEST);
  assert.match(new TextDecoder().decode(rig.take()[0]!.payload), / 503 /);
});

test('failure: delivered maybe: RST to the client, the request is not tried again', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.message(server, failed(handoff, 'maybe'));
  const [reset] = rig.take();
  assert.is(reset!.flags, TCP_RST | TCP_ACK);
  assert.is(reset!.sequence, client.ack);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.take().at(-1)!.flags, TCP_RST | TCP_ACK, 'the RST was lost');
  rig.wait(30_000);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff'), 1);
  assert.is(client.state(), L.STATE_CLOSED);
});

test('failure: the channel breaks before ready: the client tells that it was served', async () => {
  const rig = await rigUp();
  const { client, server } = handed(rig);
  client.send('next', { acknowledgment: client.ack + 100 });
  rig.down(server);
  assert.is(rig.count('close', server), 0);
  const [next, ...more] = rig.take();
  assert.equal(more, [], 'no RST');
  assert.equal([...next!.destination], [10, 81, server, 1]);
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(rig.plane.stats().servers[server - 1]!.active, 1);
});

test('failure: no answer in time: RST, and a close for the agent until it confirms', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.wait(4500);
  assert.is(rig.count('close', server), 0, 'its channel lives: the answer may only be late');
  rig.take();
  rig.wait(510);
  assert.is(rig.take().at(-1)!.flags, TCP_RST | TCP_ACK);
  assert.is(rig.count('close', server), 1);
  rig.message(server, { type: 'ready', id: handoff.id });
  assert.equal(rig.last('confirm').ids, [handoff.id], 'a late ready is confirmed');
  assert.is.not(client.state(), L.STATE_FORWARD);
  rig.wait(2500);
  assert.is(rig.count('close', server), 3);
  rig.message(server, { type: 'confirm', ids: [handoff.id] });
  rig.wait(5000);
  assert.is(rig.count('close', server), 3);
  assert.equal(rig.plane.stats().failedReasons, { timeout: 1 });
});

test('failure: an answer behind the deadline still counts while the channel lives', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.wait(2300);
  rig.message(server, { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.equal(rig.plane.stats().failedReasons, {});
});

test('failure: a broken channel takes no new handoffs, its connections are forwarded', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.message(server, { type: 'ready', id: handoff.id });
  rig.down(server);
  client.send('more');
  assert.is(rig.take().length, 1);
  const other = handed(rig, { port: 40001 });
  const another = handed(rig, { port: 40002 });
  assert.equal([other.server, another.server], [3 - server, 3 - server]);
});

test('failure: messages with another id or from another server change nothing', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  const other = { run: handoff.id.run, counter: handoff.id.counter + 1 };
  rig.message(server, { type: 'ready', id: other });
  rig.message(server, { type: 'ready', id: { run: 1, counter: handoff.id.counter } });
  rig.message(3 - server, { type: 'ready', id: handoff.id });
  rig.message(3 - server, failed(handoff, 'no'));
  assert.is(client.state(), L.STATE_HELD);
  assert.is(rig.count('confirm'), 4, 'all are confirmed');
  rig.message(server, { type: 'ready', id: handoff.id });
  rig.message(server, { type: 'close', id: other, tuple: handoff.tuple });
  rig.message(3 - server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(rig.plane.stats().servers[server - 1]!.active, 1);
});

test('failure: close before ready was read: held packets go out, then it is closed', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  client.flag(TCP_ACK | TCP_FIN);
  rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
  assert.is(rig.take().length, 1);
  assert.is(client.state(), L.STATE_CLOSED);
  assert.is(rig.plane.stats().servers[server - 1]!.active, 0);
  rig.message(server, { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_CLOSED);
});

test('failure: a close that comes twice is confirmed twice and ends one connection', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.message(server, { type: 'ready', id: handoff.id });
  for (const confirms of [2, 3]) {
    rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
    assert.is(client.state(), L.STATE_CLOSED);
    assert.is(rig.count('confirm'), confirms);
    assert.is(rig.plane.stats().servers[server - 1]!.active, 0);
  }
});

test('failure: the client resets while a server is asked: the agent is told', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  client.send('more');
  client.flag(TCP_RST, { sequence: client.next + 1 });
  assert.is(client.state(), L.STATE_HELD, 'not at the next sequence number');
  client.flag(TCP_RST);
  assert.is(client.state(), L.STATE_CLOSED);
  assert.equal(rig.last('close').id, handoff.id);
  assert.is(rig.plane.stats().servers[server - 1]!.active, 0);
  assert.equal(rig.take(), []);
});

test('failure: the client resets before its head is complete', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.send('GET /');
  client.flag(TCP_RST, { sequence: client.next + 100 });
  const [challenge] = rig.take();
  assert.is(challenge!.flags, TCP_ACK);
  assert.is(challenge!.acknowledgment, client.next);
  client.flag(TCP_RST, { sequence: client.next + 100 });
  assert.equal(rig.take(), [], 'challenges are rare');
  client.flag(TCP_RST);
  assert.is(client.state(), L.STATE_CLOSED);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff'), 0, 'what comes late opens nothing, though its cookie is good');
  rig.wait(16_000);
  assert.is(client.state(), L.STATE_FREE);
});

test('failure: a client may use its port again after the close', async () => {
  const rig = await rigUp();
  const { handoff, server } = handed(rig);
  rig.message(server, { type: 'ready', id: handoff.id });
  rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
  const again = handed(rig, { isn: 12345 });
  assert.is.not(again.handoff.id.counter, handoff.id.counter);
  rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
  assert.is(again.client.state(), L.STATE_HELD, 'a late close of the old one is not for the new');
  rig.message(again.server, { type: 'ready', id: again.handoff.id });
  assert.is(again.client.state(), L.STATE_FORWARD);
});

test.run();
