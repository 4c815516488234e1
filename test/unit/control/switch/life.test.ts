import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import { Client, REQUEST, handed } from '../client.ts';
import { Rig, RUN, VIP, rigUp, testConfig } from '../rig.ts';

const test = suite('life of a connection');

for (const six of [false, true]) {
  test(`life: IPv${six ? 6 : 4}: handshake, handoff, ready, forward, close`, async () => {
    const rig = await rigUp();
    const { client, handoff, server } = handed(rig, { six });
    assert.is(handoff.id.run, RUN);
    assert.is(handoff.clientIsn, client.isn);
    assert.is(handoff.switchIsn, client.switchIsn);
    assert.is(handoff.switchNext, client.ack);
    assert.is(new TextDecoder().decode(handoff.bytes), REQUEST);
    assert.is(handoff.serverPort, 8080);
    assert.is(handoff.mss, 1460);
    assert.is(handoff.clientScale, 7);
    assert.ok(handoff.sack && handoff.timestamps);
    assert.is(handoff.timestampRecent, client.tsval);
    assert.is(handoff.timestampSwitch, client.echo);
    assert.is(client.state(), L.STATE_HELD);
    assert.equal(rig.take(), [], 'nothing is acknowledged before the handoff');

    rig.message(server, { type: 'ready', id: handoff.id });
    assert.is(client.state(), L.STATE_FORWARD);
    assert.equal(rig.last('confirm').ids, [handoff.id]);
    client.flag(TCP_ACK, { acknowledgment: client.ack + 500 });
    const forwarded = rig.take().at(-1)!;
    assert.is(forwarded.destination[six ? 3 : 2], server);
    assert.is(forwarded.hops, 64);

    const close = { type: 'close', id: handoff.id, tuple: handoff.tuple } as const;
    rig.message(server, close);
    assert.is(client.state(), L.STATE_CLOSED);
    assert.is(rig.plane.stats().servers[server - 1]!.active, 0);
    rig.message(server, close);
    assert.is(rig.plane.stats().closed, 1, 'a repeated close counts once');
    client.flag(TCP_ACK);
    assert.is(rig.take().length, 1, 'late packets are still forwarded');
    rig.wait(70_000);
    assert.is(client.state(), L.STATE_FREE);
    assert.is(
      rig.plane.stats().handoffMs.counts.reduce((sum, count) => sum + count, 0),
      1,
    );
  });
}

test('life: the port of a service on its servers goes before that of each server', async () => {
  const config = testConfig(1);
  config.services[0]!.serverPort = 8443;
  const rig = await Rig.make(config);
  rig.up(1);
  assert.is(handed(rig).handoff.serverPort, 8443);
  assert.equal(
    rig.plane.hello('server1').services.map(({ serverPort }) => serverPort),
    [8443, 8443],
  );
});

test('life: a request in the ACK of the handshake opens the connection', async () => {
  const rig = await rigUp();
  const client = new Client(rig, { options: false });
  client.open(false);
  client.send(REQUEST);
  const handoff = rig.last('handoff');
  assert.is(handoff.clientScale, L.SCALE_NONE);
  assert.is(handoff.switchScale, 0);
  assert.not(handoff.sack || handoff.timestamps);
});

test('life: segments of one byte make one handoff with all bytes', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  for (const byte of REQUEST) client.send(byte);
  assert.is(rig.count('handoff'), 1);
  assert.is(new TextDecoder().decode(rig.last('handoff').bytes), REQUEST);
});

test('life: an incomplete head is acknowledged 40 ms after its last byte, once', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.send('GET / HTTP/1.1\r\n');
  rig.wait(30);
  client.send('Host: a\r\n');
  rig.wait(35);
  assert.equal(rig.take(), []);
  rig.wait(10);
  const [ack, ...more] = rig.take();
  assert.equal(more, []);
  assert.is(ack!.flags, TCP_ACK);
  assert.is(ack!.acknowledgment, client.next);
  assert.is(ack!.sequence, client.ack);
  assert.equal(ack!.options.timestamps, { value: client.echo, echo: client.tsval });
  rig.wait(1000);
  assert.equal(rig.take(), []);
  client.send('\r\n');
  assert.is(rig.last('handoff').bytes.length, 27);
});

test('life: a repeated segment of an incomplete head is acknowledged at once', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.send('GET / HT');
  const first = (client.isn + 1) >>> 0;
  client.send('GET / HT', { sequence: first });
  assert.is(rig.take().at(-1)!.acknowledgment, client.next);
});

test('life: bytes beyond a hole are answered with SACK, and fit in when it is filled', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  const first = client.next;
  const rest = (first + 10) >>> 0;
  client.send(REQUEST.slice(10), { sequence: rest });
  const [ack] = rig.take();
  assert.is(ack!.acknowledgment, first);
  assert.equal(ack!.options.sack, [[rest, (first + REQUEST.length) >>> 0]]);
  client.send(REQUEST.slice(0, 10), { sequence: first });
  assert.is(new TextDecoder().decode(rig.last('handoff').bytes), REQUEST);
});

test('life: held packets leave in order, each once, then the connection is forwarded', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  for (const part of ['one', 'two', 'three']) client.send(part);
  assert.equal(rig.take(), []);
  rig.message(server, { type: 'ready', id: handoff.id });
  const texts = rig.take().map((packet) => new TextDecoder().decode(packet.payload));
  assert.equal(texts, ['one', 'two', 'three']);
  assert.is(client.state(), L.STATE_FORWARD);
});

test('life: packets queued before the handoff but read after it are held too', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  rig.paused = true;
  client.send(REQUEST);
  client.send('body one');
  client.send('body two');
  rig.paused = false;
  rig.drain();
  client.send('body three');
  const handoff = rig.last('handoff');
  const server = rig.messages.some(({ to }) => to === 'server1') ? 1 : 2;
  rig.message(server, { type: 'ready', id: handoff.id });
  const texts = rig.take().map((packet) => new TextDecoder().decode(packet.payload));
  assert.equal(texts, ['body one', 'body two', 'body three']);
  assert.is(client.state(), L.STATE_FORWARD);
  client.send('more');
  assert.is(rig.take().length, 1);
});

test('life: packets that come while held ones leave go behind them', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  client.send('one');
  rig.paused = true;
  client.send('two');
  rig.message(server, { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_DRAINING);
  client.send('three');
  rig.paused = false;
  rig.drain();
  const texts = rig.take().map((packet) => new TextDecoder().decode(packet.payload));
  assert.equal(texts, ['one', 'two', 'three']);
  assert.is(client.state(), L.STATE_FORWARD);
});

test('life: held bytes are bounded, what is dropped does not hold up the rest', async () => {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const { client, handoff } = handed(rig);
  for (let count = 0; count < 60; count += 1) client.send(new Uint8Array(1400));
  rig.message(1, { type: 'ready', id: handoff.id });
  const sent = rig.take().length;
  assert.ok(sent > 35 && sent < 47, `${sent} sent`);
  assert.is(rig.plane.stats().heldDropped, 60 - sent);
  assert.is(client.state(), L.STATE_FORWARD);
});

test('life: a FIN with the request reaches the server after ready', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.send(REQUEST, { flags: TCP_ACK | TCP_PSH | TCP_FIN });
  const handoff = rig.last('handoff');
  const server = rig.messages.some(({ to }) => to === 'server1') ? 1 : 2;
  assert.is(handoff.bytes.length, REQUEST.length);
  rig.message(server, { type: 'ready', id: handoff.id });
  const [fin] = rig.take();
  assert.is(fin!.flags, TCP_ACK | TCP_FIN);
  assert.is(fin!.sequence, client.next);
  assert.equal([...fin!.destination], [10, 81, server, 1]);
});

test('life: a FIN before a request is answered with a FIN', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.flag(TCP_ACK | TCP_FIN);
  const [fin] = rig.take();
  assert.is(fin!.flags, TCP_ACK | TCP_FIN);
  assert.is(fin!.acknowledgment, (client.next + 1) >>> 0);
  client.flag(TCP_ACK, { sequence: client.next + 1, acknowledgment: client.ack + 1 });
  assert.is(client.state(), L.STATE_CLOSED);
  rig.wait(16_000);
  assert.is(client.state(), L.STATE_FREE);
  assert.is(rig.count('handoff'), 0);
});

test('life: a client that only connects is reset when its time is over', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  rig.wait(19_000);
  assert.equal(rig.take(), []);
  assert.is(client.state(), L.STATE_GATHERING);
  rig.wait(8_000);
  const [reset] = rig.take();
  assert.is(reset!.flags, TCP_RST | TCP_ACK);
  assert.is(reset!.sequence, client.ack);
  assert.equal([...reset!.source], [...VIP]);
  assert.is(client.state(), L.STATE_FREE);
});

test('life: a half-read head is reset when its time is over', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.send('GET / HTTP/1.1\r\nHost:');
  rig.wait(19_900);
  rig.take();
  rig.wait(200);
  assert.is(rig.take().at(-1)!.flags, TCP_RST | TCP_ACK);
  rig.wait(20_000);
  assert.is(client.state(), L.STATE_FREE);
});

test('life: an idle connection is forgotten and its agent told', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.message(server, { type: 'ready', id: handoff.id });
  rig.wait(3_600_000 - 60_000);
  assert.is(client.state(), L.STATE_FORWARD);
  rig.wait(120_000);
  assert.is(client.state(), L.STATE_FREE);
  assert.equal(rig.last('close').id, handoff.id);
  assert.is(rig.plane.stats().servers[server - 1]!.active, 0);
});

test('life: when half-open entries are too many a client with a request is served', async () => {
  const rig = await Rig.make(testConfig(1), 1);
  rig.up(1);
  new Client(rig, { port: 1000 }).open();
  const client = new Client(rig, { port: 1001 });
  client.open();
  client.send('GET /a HTTP/1.1\r\n');
  client.send('Host: a\r\n\r\n');
  const handoff = rig.last('handoff');
  assert.is(handoff.bytes.length, 28);
  client.send('more');
  rig.message(1, { type: 'ready', id: handoff.id });
  assert.is(rig.take().length, 1);
  assert.is(client.state(), L.STATE_FORWARD);
});

test.run();
