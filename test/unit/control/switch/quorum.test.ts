// Pools with too few servers, and the pool that stands in for them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Config, PoolConfig } from '../../../../src/config/config.ts';
import { Random } from '../../../../src/lab/random.ts';
import { Client, REQUEST, handed } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('quorum');
const SERVERS = 5;

/** Servers 1 to 4 in the pool, server 5 alone in the sorry pool. */
function configOf(pool: Partial<PoolConfig>, serverWaitMs = 0): Config {
  const config = testConfig(SERVERS);
  const [first] = config.pools;
  const names = first!.servers;
  const pools: PoolConfig[] = [
    { ...first!, servers: names.slice(0, 4), ...pool },
    { ...first!, name: 'sorry', servers: names.slice(4) },
  ];
  return { ...config, pools, timing: { ...config.timing, serverWaitMs } };
}

async function rigOf(config: Config): Promise<Rig> {
  const rig = await Rig.make(config);
  for (let server = 1; server <= SERVERS; server += 1) rig.up(server);
  return rig;
}

function setHealth(rig: Rig, server: number, healthy: boolean): void {
  rig.feed({ kind: 'health', server: `server${server}`, pool: 'default', healthy });
}

let port = 42_000;

/** Server of the next connection; 0: it was refused. */
function next(rig: Rig): number {
  port += 1;
  const before = rig.count('handoff');
  const client = new Client(rig, { port });
  client.open();
  client.send(REQUEST);
  if (rig.count('handoff') === before) return 0;
  const { id, tuple } = rig.last('handoff');
  const to = Number(rig.messages.at(-1)!.to.slice('server'.length));
  rig.message(to, { type: 'ready', id });
  rig.message(to, { type: 'close', id, tuple });
  return to;
}

test('quorum: all are down: the sorry server answers, and stops when one is back', async () => {
  const rig = await rigOf(configOf({ sorry: 'sorry' }));
  const isSorry = () => Array.from({ length: 4 }, () => next(rig)).every((server) => server === 5);
  for (const server of [1, 2, 3]) setHealth(rig, server, false);
  assert.is(next(rig), 4);
  rig.down(4);
  assert.ok(isSorry());
  assert.equal(rig.plane.stats().quorums, [{ pool: 'default', isUp: false, usable: 0, quorum: 1 }]);
  setHealth(rig, 2, true);
  assert.equal([next(rig), next(rig)], [2, 2]);
});

test('quorum: below it the pool is down, what it has goes on', async () => {
  const rig = await rigOf(configOf({ quorum: '50%' }));
  const { client, handoff, server } = handed(rig, { port: 41_000 });
  rig.message(server, { type: 'ready', id: handoff.id });
  const others = [1, 2, 3, 4].filter((each) => each !== server);
  for (const each of others.slice(0, 2)) setHealth(rig, each, false);
  assert.ok([server, others[2]].includes(next(rig)));
  setHealth(rig, others[2]!, false);
  assert.is(next(rig), 0, 'its one server is not enough');
  rig.take();
  client.send('more');
  assert.equal([...rig.take()[0]!.destination], [10, 81, server, 1]);
});

test('quorum: with hysteresis it goes down and comes up as keepalived has it', async () => {
  const rig = await rigOf(configOf({ quorum: 2, hysteresis: 1, sorry: 'sorry' }));
  const random = new Random(5);
  const healthy = new Set([1, 2, 3, 4]);
  let isUp = true;
  for (let step = 0; step < 200; step += 1) {
    const server = 1 + random.below(4);
    if (!healthy.delete(server)) healthy.add(server);
    setHealth(rig, server, healthy.has(server));
    // keepalived 2.2, check_data: threshold = quorum - hysteresis while it is up, else quorum + hysteresis
    isUp = healthy.size >= (isUp ? 2 - 1 : 2 + 1);
    const chosen = next(rig);
    assert.ok(
      isUp ? healthy.has(chosen) : chosen === 5,
      `${[...healthy].join()} ${isUp} ${chosen}`,
    );
  }
});

test('quorum: who waits for a server gets the sorry one when its pool goes down', async () => {
  const rig = await rigOf(configOf({ sorry: 'sorry', maxConnections: 1 }, 5000));
  const clients = Array.from(
    { length: 6 },
    (_, index) => new Client(rig, { port: 45_000 + index }),
  );
  for (const client of clients) {
    client.open();
    client.send(REQUEST);
  }
  assert.is(rig.plane.stats().queues[0]!.waiting, 2);
  for (const server of [1, 2, 3, 4]) setHealth(rig, server, false);
  assert.is(rig.count('handoff', 5), 2);
  assert.is(rig.plane.stats().queues[0]!.waiting, 0);
});

test('quorum: nobody is sorry before it is known which agents are there', async () => {
  const rig = await Rig.make(configOf({ sorry: 'sorry' }, 5000), undefined, 0);
  rig.up(5);
  const client = new Client(rig, { port: 46_000 });
  client.open();
  client.send(REQUEST);
  rig.wait(1000);
  assert.is(rig.count('handoff'), 0);
  rig.up(3);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff', 3), 0, 'not before it has heard of all, or 3 s have passed');
  rig.wait(2500);
  client.send(REQUEST, { sequence: (client.isn + 1) >>> 0 });
  assert.is(rig.count('handoff', 5), 0);
  assert.is(rig.count('handoff', 3), 1);
});

test.run();
