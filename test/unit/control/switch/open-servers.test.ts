// What operator and health checks say of a server, and who then gets new connections.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import type { ServerMode } from '../../../../src/event.ts';
import { Client, REQUEST, handed } from '../client.ts';
import { Rig, rigUp, testConfig } from '../rig.ts';

const test = suite('open servers');

/** Servers of the next connections, from port 41000 on. */
function given(rig: Rig, count: number, from = 41_000): number[] {
  return Array.from({ length: count }, (_, index) => {
    const { handoff, server } = handed(rig, { port: from + index });
    rig.message(server, { type: 'ready', id: handoff.id });
    return server;
  });
}

function setMode(rig: Rig, server: number, mode: ServerMode): void {
  rig.feed({ kind: 'mode', server: `server${server}`, mode });
}

function setHealth(rig: Rig, server: number, healthy: boolean, pool = 'default'): void {
  rig.feed({ kind: 'health', server: `server${server}`, pool, healthy });
}

function standing(rig: Rig, server: number) {
  const { mode, unhealthyIn, active } = rig.plane.stats().servers[server - 1]!;
  return { mode, unhealthyIn, active };
}

for (const mode of ['drain', 'maint'] as const) {
  test(`open servers: ${mode}: no new connection, what it has goes on, ready brings it back`, async () => {
    const rig = await rigUp(3);
    const { client, handoff, server } = handed(rig);
    rig.message(server, { type: 'ready', id: handoff.id });
    setMode(rig, server, mode);
    assert.not(given(rig, 8).includes(server));
    rig.take();
    client.send('more');
    assert.equal([...rig.take()[0]!.destination], [10, 81, server, 1]);
    assert.is(client.state(), L.STATE_FORWARD);
    assert.equal(standing(rig, server), { mode, unhealthyIn: [], active: 1 });
    setMode(rig, server, 'ready');
    assert.equal(given(rig, 3, 42_000).toSorted(), [1, 2, 3]);
  });
}

test('open servers: a handoff under way when its server is drained ends there', async () => {
  const rig = await rigUp(2);
  const { client, handoff, server } = handed(rig);
  setMode(rig, server, 'drain');
  rig.message(server, { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(standing(rig, server).active, 1);
});

test('open servers: all are drained: a request waits, and goes to the first that is ready', async () => {
  const config = testConfig(2);
  const rig = await Rig.make({ ...config, timing: { ...config.timing, serverWaitMs: 5000 } });
  for (const server of [1, 2]) {
    rig.up(server);
    setMode(rig, server, 'drain');
  }
  const client = new Client(rig);
  client.open();
  client.send(REQUEST);
  assert.is(rig.plane.stats().waiting, 1);
  setMode(rig, 2, 'ready');
  assert.is(rig.plane.stats().waiting, 0);
  assert.is(rig.count('handoff', 2), 1);
});

test('open servers: drain outlives a new configuration and a broken channel, not a removal', async () => {
  const rig = await rigUp(2);
  setMode(rig, 1, 'drain');
  rig.feed({ kind: 'config', config: rig.config });
  rig.down(1);
  rig.up(1);
  assert.equal(given(rig, 4), [2, 2, 2, 2]);
  const { servers, pools } = rig.config;
  const without = servers.slice(1);
  const left = { ...pools[0]!, servers: ['server2'] };
  rig.feed({ kind: 'config', config: { ...rig.config, servers: without, pools: [left] } });
  rig.feed({ kind: 'config', config: rig.config });
  assert.is(standing(rig, 1).mode, 'ready');
  rig.message(1, { ...rig.helloOf(1) });
  assert.equal(given(rig, 2, 42_000).toSorted(), [1, 2]);
});

test('open servers: an unhealthy one gets nothing of that pool, of others it does', async () => {
  const { pools, services, ...config } = testConfig(2);
  const images = { ...pools[0]!, name: 'images' };
  const rules = [{ match: { path: '/images/*' }, pool: 'images' }];
  const rig = await Rig.make({
    ...config,
    pools: [...pools, images],
    services: [{ ...services[0]!, rules }],
  });
  rig.up(1);
  rig.up(2);
  setHealth(rig, 1, false);
  assert.equal(given(rig, 4), [2, 2, 2, 2]);
  assert.equal(standing(rig, 1).unhealthyIn, ['default']);
  const image = new Client(rig);
  image.open();
  image.send('GET /images/a HTTP/1.1\r\nHost: example.org\r\n\r\n');
  assert.is(rig.count('handoff', 1), 1);
  setHealth(rig, 1, true);
  assert.equal(given(rig, 2, 42_000).toSorted(), [1, 2]);
});

test('open servers: maintenance forgets what health checks had found', async () => {
  const rig = await rigUp(2);
  setHealth(rig, 1, false);
  setMode(rig, 1, 'maint');
  setMode(rig, 1, 'ready');
  assert.equal(standing(rig, 1), { mode: 'ready', unhealthyIn: [], active: 0 });
  assert.equal(given(rig, 2).toSorted(), [1, 2]);
});

test('open servers: an event about an unknown server changes nothing', async () => {
  const rig = await rigUp(2);
  setMode(rig, 9, 'drain');
  setHealth(rig, 9, false);
  assert.equal(given(rig, 2).toSorted(), [1, 2]);
});

test.run();
