import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../../../assembly/wire/tcp.ts';
import { Client, REQUEST } from '../client.ts';
import { Rig, rigUp, testConfig } from '../rig.ts';

const test = suite('gathering');

test('gathering: unacceptable segments are answered with an ACK and change nothing', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  const cases: [string, Parameters<Client['flag']>[1], number][] = [
    ['beyond the window', { sequence: client.next + 70_000 }, TCP_ACK],
    ['old timestamp', { options: { timestamps: { value: 4999, echo: client.echo } } }, TCP_ACK],
    ['ack of what was not sent', { acknowledgment: client.ack + 1 }, TCP_ACK],
    ['SYN in the window', { sequence: client.next + 5 }, TCP_SYN | TCP_ACK],
    ['SYN of a new connection', { sequence: client.next + 1_000_000 }, TCP_SYN],
    ['its own SYN', { sequence: client.isn }, TCP_SYN],
    ['RST in the window', { sequence: client.next + 1 }, TCP_RST],
    ['ack older than any window', { acknowledgment: client.ack - (502 << 7) - 1 }, TCP_ACK],
  ];
  for (const [what, parts, flags] of cases) {
    rig.wait(600);
    client.flag(flags, { ...parts, payload: new TextEncoder().encode(REQUEST) });
    const answers = rig.take();
    assert.is(answers.at(-1)?.flags, TCP_ACK, what);
    assert.is(answers.at(-1)?.acknowledgment, client.next, what);
  }
  client.flag(0, { payload: new TextEncoder().encode(REQUEST) });
  assert.is(rig.count('handoff'), 0);
  client.send(REQUEST);
  assert.is(rig.count('handoff'), 1);
});

test('gathering: challenges are limited per connection, whether it is an object or not', async () => {
  const rig = await rigUp();
  const one = new Client(rig, { port: 1001 });
  const other = new Client(rig, { port: 1002 });
  for (const client of [one, other]) client.open();
  const forge = (client: Client): number => {
    client.flag(TCP_SYN, { sequence: client.next + 9 });
    client.flag(TCP_RST, { sequence: client.next + 9 });
    client.flag(TCP_ACK, { acknowledgment: client.ack + 9 });
    client.flag(TCP_ACK, { acknowledgment: client.ack + 9, payload: Uint8Array.of(65) });
    return rig.take().length;
  };
  assert.equal([forge(one), forge(one), forge(other)], [1, 0, 1]);
  assert.is(rig.plane.stats().challengesSpared, 10);
  one.send(REQUEST.slice(0, 9));
  assert.is(forge(one), 0, 'its first data changes nothing');
  rig.wait(500);
  rig.take();
  assert.equal([forge(one), forge(other), forge(one)], [1, 1, 0]);
});

test('gathering: an ACK within the largest window and a first timestamp of 0 are acceptable', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.tsval = 0;
  client.open();
  const stamps = { value: 0xf0000000, echo: client.echo };
  client.send(REQUEST, { acknowledgment: client.ack - 100, options: { timestamps: stamps } });
  assert.is(rig.count('handoff'), 1);
});

test('gathering: nothing is sent into a closed window', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  client.send('GET / HTTP/1.1\r\n\r\n', { window: 0 });
  const [reset, ...more] = rig.take();
  assert.equal(more, []);
  assert.is(reset!.flags, TCP_RST | TCP_ACK);
  assert.equal(rig.plane.stats().resets, { window: 1 });
});

test('gathering: a broken first segment holds nothing when too many are half-open', async () => {
  const rig = await Rig.make(testConfig(1), 0);
  rig.up(1);
  const client = new Client(rig);
  client.open(false);
  const packet = client.packet({ flags: TCP_ACK, payload: new TextEncoder().encode(REQUEST) });
  packet[packet.length - 1]! ^= 1;
  rig.deliver(packet);
  assert.equal(rig.take(), []);
  client.send(REQUEST);
  assert.equal(rig.take(), []);
  assert.is(rig.count('handoff'), 1);
});

test('gathering: a wrong checksum is not acted upon, unless the device computes it later', async () => {
  const rig = await rigUp();
  const client = new Client(rig);
  client.open();
  const packet = client.packet({ flags: TCP_ACK, payload: new TextEncoder().encode(REQUEST) });
  packet[packet.length - 1]! ^= 1;
  rig.deliver(packet);
  assert.is(rig.count('handoff'), 0);
  assert.is(rig.plane.stats().badChecksum, 1);
  rig.feed({
    kind: 'packet',
    queue: L.QUEUE_PACKET,
    worker: 0,
    entry: client.entry(),
    idRun: 0,
    idCounter: 0,
    options: 0,
    packet: client.packet({ flags: TCP_ACK, payload: new TextEncoder().encode(REQUEST) }),
    vnet: Uint8Array.of(1, 0, 0, 0, 0, 0, 20, 0, 16, 0),
  });
  assert.is(rig.count('handoff'), 1);
});

for (const [what, head, status] of [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['no HTTP', '\x16\x03\x01\n\n', 400],
  ['too long', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\n`, 431],
] as const) {
  test(`gathering: a head with ${what} is refused with ${status}`, async () => {
    const rig = await rigUp();
    const client = new Client(rig);
    client.open();
    for (let at = 0; at < head.length; at += 1400) client.send(head.slice(at, at + 1400));
    const answers = rig.take().map((packet) => new TextDecoder().decode(packet.payload));
    assert.ok(
      answers.some((text) => text.startsWith(`HTTP/1.1 ${status} `)),
      answers.join(),
    );
    assert.is(rig.count('handoff'), 0);
  });
}

test('gathering: a HEAD request is refused without a body', async () => {
  const rig = await Rig.make(testConfig(1));
  const client = new Client(rig);
  client.open();
  client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.ok(new TextDecoder().decode(rig.take()[0]!.payload).endsWith('\r\n\r\n'));
});

test('gathering: after a refusal no other request comes in under the same handshake', async () => {
  for (const flags of [TCP_RST, TCP_SYN]) {
    const rig = await rigUp();
    const client = new Client(rig);
    client.open();
    client.send('GET / HTTP/1.1\r\n\r\n');
    client.flag(flags, { sequence: client.next + 1000 });
    client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
    assert.is(rig.count('handoff'), 0);
  }
});

test('gathering: a service may refuse requests behind the first one', async () => {
  const base = testConfig(1);
  const one = (only: object) => ({ services: [{ ...base.services[0]!, ...only }] });
  const closing = REQUEST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  const put = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody';
  const chunked = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  for (const [only, text, isServed] of [
    [{}, REQUEST + REQUEST, true],
    [{ pipelining: 'refuse' }, REQUEST + REQUEST, false],
    [{ pipelining: 'refuse' }, put, true],
    [{ pipelining: 'refuse' }, `${put}G`, false],
    [{ keepAlive: 'refuse' }, REQUEST, false],
    [{ keepAlive: 'refuse' }, closing, true],
    [{ keepAlive: 'refuse' }, closing.replace('close', 'close x'), false],
    [{ pipelining: 'refuse' }, chunked, true],
    [{ pipelining: 'refuse' }, chunked + REQUEST, false],
  ] as const) {
    const rig = await Rig.make(testConfig(1, one(only)));
    rig.up(1);
    const client = new Client(rig);
    client.open();
    client.send(text);
    assert.is(rig.count('handoff'), Number(isServed), text);
    assert.equal(rig.plane.stats().refused, isServed ? {} : { 400: 1 });
  }
});

test.run();
