import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Handoff } from '../../../../src/channel/messages.ts';
import { Client, REQUEST, handed, serverOf } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('waiting for a server');

async function patientRig(servers = 2, up = servers): Promise<Rig> {
  const config = testConfig(servers);
  const rig = await Rig.make({ ...config, timing: { ...config.timing, serverWaitMs: 5000 } });
  for (let server = 1; server <= up; server += 1) rig.up(server);
  return rig;
}

function failed(handoff: Handoff) {
  return { type: 'failed', id: handoff.id, delivered: 'no', reason: 'refused' } as const;
}

function asks(rig: Rig): Client {
  const client = new Client(rig);
  client.open();
  client.send(REQUEST);
  return client;
}

test('waiting: no server can be reached: the request waits, and goes to the first that comes', async () => {
  const rig = await patientRig(2, 0);
  const client = asks(rig);
  rig.wait(3000);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.equal(rig.take(), []);
  assert.is(rig.plane.stats().waiting, 1);
  rig.feed({ kind: 'channel-up', peer: 'server2', hello: rig.helloOf(2) });
  rig.wait(300);
  assert.is(rig.count('handoff'), 0, 'it may have the request from our former run');
  rig.message(2, { type: 'resync', entries: [], last: true });
  const handoff = rig.last('handoff');
  assert.is(serverOf(rig, handoff), 2);
  rig.message(2, { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(rig.plane.stats().waiting, 0);
});

test('waiting: nobody comes: 503 when the time is over, not before', async () => {
  const rig = await patientRig(2, 0);
  asks(rig);
  rig.wait(4900);
  assert.equal(rig.take(), []);
  rig.wait(200);
  assert.match(new TextDecoder().decode(rig.take()[0]!.payload), / 503 /);
  assert.is(rig.plane.stats().waiting, 0);
});

test('waiting: all servers have refused: they are asked again, what was held goes out once', async () => {
  const rig = await patientRig();
  const { client, handoff, server } = handed(rig);
  client.send('more');
  rig.message(server, failed(handoff));
  const second = rig.last('handoff');
  rig.message(serverOf(rig, second), failed(second));
  assert.equal(rig.take(), []);
  assert.is(rig.count('handoff'), 2);
  rig.wait(300);
  const third = rig.last('handoff');
  assert.is(rig.count('handoff'), 3);
  rig.message(serverOf(rig, third), { type: 'ready', id: third.id });
  assert.equal(
    rig.take().map((packet) => new TextDecoder().decode(packet.payload)),
    ['more'],
  );
  assert.is(client.state(), L.STATE_FORWARD);
  assert.equal(
    rig.plane
      .stats()
      .servers.map(({ active }) => active)
      .toSorted(),
    [0, 1],
  );
});

test('waiting: a client that gives up is forgotten, no agent is told', async () => {
  const rig = await patientRig(2, 0);
  const client = asks(rig);
  client.flag(TCP_RST);
  assert.is(rig.plane.stats().waiting, 0);
  assert.is(rig.plane.stats().owedCloses, 0);
  rig.wait(6000);
  assert.equal(rig.take(), []);
});

test('waiting: more than 1024 do not wait', async () => {
  const config = testConfig(1);
  const timing = { ...config.timing, serverWaitMs: 5000 };
  const rig = await Rig.make({
    ...config,
    timing,
    switch: { ...config.switch!, connections: 4096 },
  });
  for (let port = 1; port <= 1025; port += 1) {
    const client = new Client(rig, { port });
    client.open();
    client.send(REQUEST);
  }
  assert.is(rig.plane.stats().waiting, 1024);
  assert.equal(rig.plane.stats().refused, { 503: 1 });
});

test.run();
