// Services of which nothing is read: by SYN with a bounded part that is not proven, and by the first ACK.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../../../assembly/wire/tcp.ts';
import type { Config } from '../../../../src/config/config.ts';
import { Client, serverOf } from '../client.ts';
import { CLIENT, Rig, VIP, VIP6, testConfig } from '../rig.ts';

const test = suite('switch: nothing read');

async function tcpRig(on: 'syn' | 'ack', connections = 256, ageMs = 60_000): Promise<Rig> {
  const base = testConfig(2);
  const changes: Partial<Config> = {
    switch: { ...base.switch!, connections },
    services: [
      {
        name: 'shells',
        vip: [VIP, VIP6],
        port: 80,
        protocol: 'tcp',
        on,
        pool: 'default',
        rules: [],
        serverPort: 22,
      } as unknown as Config['services'][number],
    ],
  };
  const rig = await Rig.make(testConfig(2, changes), undefined, ageMs);
  if (ageMs > 0) [1, 2].forEach((server) => rig.up(server));
  return rig;
}

const unproven = (rig: Rig): number => rig.core.view.getUint32(L.HEADER_UNPROVEN_COUNT, true);
const limit = (rig: Rig): number => rig.core.view.getUint32(L.HEADER_UNPROVEN_LIMIT, true);

/** A client whose SYN a server has, and the server's answer is on its way. */
function given(rig: Rig, parts: ConstructorParameters<typeof Client>[1] = {}) {
  const client = new Client(rig, parts);
  client.open(false);
  const handoff = rig.last('handoff');
  const server = serverOf(rig, handoff);
  client.switchIsn = handoff.switchIsn;
  rig.message(server, { type: 'ready', id: handoff.id });
  return { client, handoff, server };
}

for (const six of [false, true]) {
  test(`by SYN: ${six ? 'IPv6' : 'IPv4'}, the SYN is handed over, its ACK proves the client`, async () => {
    const rig = await tcpRig('syn');
    const { client, handoff } = given(rig, { six });
    assert.is(handoff.bySyn, true);
    assert.is(handoff.bytes.length, 0);
    assert.is(handoff.serverPort, 22);
    assert.equal([handoff.clientIsn, handoff.mss, handoff.clientScale], [client.isn, 1460, 7]);
    assert.equal(rig.take(), [], 'the switch answers nothing itself');
    assert.is(client.state(), L.STATE_UNPROVEN);
    assert.is(unproven(rig), 1);
    client.flag(TCP_ACK, { acknowledgment: (client.switchIsn + 70_000) >>> 0 });
    assert.is(client.state(), L.STATE_UNPROVEN, 'a number that the SYN-ACK did not have');
    client.flag(TCP_ACK);
    assert.is(client.state(), L.STATE_FORWARD);
    assert.is(unproven(rig), 0);
    assert.is(rig.take().length, 2, 'both went to the server');
  });
}

test('by SYN: above the limit a cookie answers, and its ACK is handed over without a byte', async () => {
  const rig = await tcpRig('syn');
  for (let index = 0; index < limit(rig); index += 1) given(rig, { port: 1000 + index });
  assert.is(unproven(rig), limit(rig));
  const before = rig.count('handoff');
  const client = new Client(rig, { port: 40_000 });
  client.open(false);
  assert.is(rig.count('handoff'), before);
  assert.is.not(client.switchIsn, 0);
  client.flag(TCP_ACK);
  assert.is(rig.count('handoff'), before + 1);
  const handoff = rig.last('handoff');
  assert.is(handoff.bySyn, undefined);
  assert.is(handoff.switchIsn, client.switchIsn);
  assert.is(handoff.bytes.length, 0);
});

test('by SYN: SYNs on their way to control count, no burst goes past the limit', async () => {
  const rig = await tcpRig('syn');
  rig.paused = true;
  const clients = Array.from({ length: 100 }, (_, index) => new Client(rig, { port: 1 + index }));
  for (const client of clients) client.open(false);
  assert.is(unproven(rig), limit(rig));
  const answered = clients.filter(({ switchIsn }) => switchIsn !== 0);
  assert.is(answered.length, 100 - limit(rig), 'the others get cookies');
  rig.drain();
  assert.is(rig.count('handoff'), limit(rig));
  assert.is(unproven(rig), limit(rig));
});

test('by SYN: who does not answer in time is taken back; a late ACK is a good cookie', async () => {
  const rig = await tcpRig('syn');
  const { client, handoff, server } = given(rig);
  rig.wait(5200);
  assert.is(client.state(), L.STATE_FREE);
  assert.is(unproven(rig), 0);
  assert.equal(rig.last('close').id, handoff.id);
  assert.is(rig.count('close', server) > 0, true);
  client.flag(TCP_ACK);
  assert.is(rig.last('handoff').switchIsn, client.switchIsn);
});

test('by SYN: in a full table the oldest half-open one gives way to a proven client', async () => {
  const rig = await tcpRig('syn', 32);
  const first = given(rig, { port: 1 });
  const second = given(rig, { port: 2 });
  for (let port = 100; port < 130; port += 1) {
    const { client } = given(rig, { port });
    client.flag(TCP_ACK);
  }
  assert.is(unproven(rig), 2);
  given(rig, { port: 50 }); // no room: nothing comes of it
  rig.core.view.setUint32(L.HEADER_UNPROVEN_LIMIT, 0, true);
  const late = new Client(rig, { port: 200 });
  late.open(true);
  assert.is(late.state(), L.STATE_HELD);
  assert.is(first.client.state(), L.STATE_FREE);
  assert.is(second.client.state(), L.STATE_UNPROVEN);
  assert.is(rig.plane.stats().unprovenEvicted, 1);
});

test('by SYN: the ACK that comes before ready proves the client, too', async () => {
  const rig = await tcpRig('syn');
  const client = new Client(rig);
  client.open(false);
  const handoff = rig.last('handoff');
  client.switchIsn = handoff.switchIsn;
  client.flag(TCP_ACK);
  rig.message(serverOf(rig, handoff), { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(unproven(rig), 0);
});

test('by SYN: without a server the client is refused at once, nothing is kept of it', async () => {
  const rig = await tcpRig('syn');
  rig.down(1);
  rig.down(2);
  const client = new Client(rig);
  client.flag(TCP_SYN, { sequence: client.isn, acknowledgment: 0, options: { mss: 1460 } });
  const [refusal] = rig.take();
  assert.is(refusal!.flags, TCP_RST | TCP_ACK);
  assert.is(refusal!.acknowledgment, (client.isn + 1) >>> 0);
  assert.equal([client.state(), unproven(rig)], [L.STATE_FREE, 0]);
});

test('by SYN: refused by one server, it goes to the next', async () => {
  const rig = await tcpRig('syn');
  const client = new Client(rig);
  client.open(false);
  const { id } = rig.last('handoff');
  const server = serverOf(rig, rig.last('handoff'));
  rig.message(server, { type: 'failed', id, delivered: 'no', reason: 'refused' });
  assert.is(rig.count('handoff', server === 1 ? 2 : 1), 1);
  assert.is(client.state(), L.STATE_HELD);
});

test('by SYN: a connection that its server closes unproven leaves no entry', async () => {
  const rig = await tcpRig('syn');
  const { client, handoff, server } = given(rig);
  const { id, tuple } = handoff;
  rig.message(server, { type: 'close', id, tuple });
  assert.equal([client.state(), unproven(rig)], [L.STATE_FREE, 0]);
  assert.equal(tuple.client, CLIENT);
});

test('by ACK: the bare ACK is handed over; what comes meanwhile follows it', async () => {
  const rig = await tcpRig('ack');
  const client = new Client(rig);
  client.open();
  const handoff = rig.last('handoff');
  assert.equal([handoff.bytes.length, handoff.bySyn], [0, undefined]);
  client.send('SSH-2.0-client');
  rig.take();
  rig.message(serverOf(rig, handoff), { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.equal(
    rig.take().map(({ payload }) => new TextDecoder().decode(payload)),
    ['SSH-2.0-client'],
  );
});

test('by ACK: what came while the switch learned is handed over afterwards', async () => {
  const rig = await tcpRig('ack', 256, 0);
  rig.up(1);
  const client = new Client(rig);
  client.open();
  assert.is(rig.count('handoff'), 0);
  assert.is(client.state(), L.STATE_GATHERING);
  rig.wait(8000);
  assert.is(rig.count('handoff'), 1);
});

test('by SYN: SYN over again while a server is asked changes nothing', async () => {
  const rig = await tcpRig('syn');
  const client = new Client(rig);
  client.open(false);
  client.flag(TCP_SYN, { sequence: client.isn, acknowledgment: 0, options: { mss: 1460 } });
  assert.is(rig.count('handoff'), 1);
  assert.is(unproven(rig), 1);
  const handoff = rig.last('handoff');
  rig.message(serverOf(rig, handoff), { type: 'ready', id: handoff.id });
  assert.equal(rig.take(), []);
  assert.is(client.state(), L.STATE_UNPROVEN);
});

test.run();
