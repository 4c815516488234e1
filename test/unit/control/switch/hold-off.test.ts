// What handoffs tell of a server, and how one that came up gets its share.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Config } from '../../../../src/config/config.ts';
import { handed } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('hold-off and slow start');
const HEALTH = { intervalMs: 2000, timeoutMs: 1000, rise: 2, fall: 3, failures: 3, downMs: 5000 };

function configOf(servers: number, changes: Partial<Config['servers'][number]> = {}): Config {
  const config = testConfig(servers);
  return {
    ...config,
    servers: config.servers.map((server) => ({ ...server, ...changes })),
    pools: config.pools.map((pool) => ({ ...pool, health: HEALTH })),
  };
}

let port = 41_000;

/** Next handoff's server; `failing` ones refuse, which the switch then asks another one about. */
function give(rig: Rig, failing: number[] = []): number {
  port += 1;
  const { handoff, server } = handed(rig, { port });
  if (failing.includes(server)) {
    rig.message(server, { type: 'failed', id: handoff.id, delivered: 'no', reason: 'refused' });
    const { id } = rig.last('handoff');
    const other = rig.messages.at(-1)!.to;
    rig.message(Number(other.slice(6)), { type: 'ready', id });
  } else rig.message(server, { type: 'ready', id: handoff.id });
  return server;
}

function giveMany(rig: Rig, count: number, failing: number[] = []): number[] {
  return Array.from({ length: count }, () => give(rig, failing));
}

async function rigOf(servers: number, config = configOf(servers)): Promise<Rig> {
  const rig = await Rig.make(config, undefined, 0);
  for (let server = 1; server <= servers; server += 1) rig.up(server);
  rig.wait(5000);
  return rig;
}

test('hold-off: the third failed handoff in a row takes a server out for its time', async () => {
  const rig = await rigOf(3);
  const tried = giveMany(rig, 8, [1]);
  assert.is(tried.filter((server) => server === 1).length, 3);
  assert.ok(rig.plane.stats().servers[0]!.heldOff);
  assert.not(giveMany(rig, 6, [1]).includes(1));
  rig.wait(4900);
  assert.not(giveMany(rig, 6, [1]).includes(1));
  rig.wait(200);
  assert.not(rig.plane.stats().servers[0]!.heldOff);
  const again = giveMany(rig, 6, [1]);
  assert.is(again.filter((server) => server === 1).length, 1, 'one more failure is enough');
  rig.wait(5100);
  assert.equal(new Set(giveMany(rig, 6)), new Set([1, 2, 3]));
  giveMany(rig, 3, [1]);
  assert.not(rig.plane.stats().servers[0]!.heldOff, 'what it took since then counts');
});

test('hold-off: the last server of a pool is tried however often it failed', async () => {
  const rig = await rigOf(2);
  rig.feed({ kind: 'mode', server: 'server2', mode: 'drain' });
  for (let round = 0; round < 5; round += 1) {
    port += 1;
    const { handoff, server } = handed(rig, { port });
    assert.is(server, 1);
    rig.message(1, { type: 'failed', id: handoff.id, delivered: 'no', reason: 'refused' });
  }
  assert.not(rig.plane.stats().servers[0]!.heldOff);
});

test('hold-off: a pool that asks for none has none', async () => {
  const rig = await rigOf(2, testConfig(2));
  assert.is(giveMany(rig, 12, [1]).filter((server) => server === 1).length, 6);
});

/** Of `count` connections by weighted round robin, how many server 1 gets. */
function shareOf(rig: Rig, count: number): number {
  return giveMany(rig, count).filter((server) => server === 1).length;
}

test('slow start: after maintenance a server has a tenth of its weight, then a half, then all', async () => {
  const rig = await rigOf(2, configOf(2, { slowStartMs: 10_000 }));
  assert.is(shareOf(rig, 20), 10, 'at the start of the switch nobody is slow');
  rig.feed({ kind: 'mode', server: 'server1', mode: 'maint' });
  rig.feed({ kind: 'mode', server: 'server1', mode: 'ready' });
  rig.wait(1000);
  assert.is(shareOf(rig, 22), 2);
  rig.wait(4000);
  assert.is(shareOf(rig, 30), 10);
  rig.feed({ kind: 'config', config: rig.config });
  assert.is(shareOf(rig, 30), 10, 'a new configuration does not end it');
  rig.wait(5000);
  assert.is(shareOf(rig, 20), 10);
});

test('slow start: after a failed check, and with a new program on its host; not after a drain', async () => {
  const rig = await rigOf(2, configOf(2, { slowStartMs: 10_000 }));
  const slow = (): boolean => {
    rig.wait(1000);
    const share = shareOf(rig, 22);
    rig.wait(10_000);
    return share === 2;
  };
  for (const healthy of [false, true]) {
    rig.feed({ kind: 'health', pool: 'default', server: 'server1', healthy });
  }
  assert.ok(slow());
  rig.down(1);
  rig.up(1);
  assert.not(slow(), 'only its channel was away');
  rig.down(1);
  rig.feed({ kind: 'channel-up', peer: 'server1', hello: { ...rig.helloOf(1), run: 6 } });
  rig.message(1, { type: 'resync', entries: [], last: true });
  assert.ok(slow());
  for (const mode of ['drain', 'ready'] as const) {
    rig.feed({ kind: 'mode', server: 'server1', mode });
  }
  assert.not(slow());
});

test.run();
