// Servers with a most of connections, and requests that wait for a place in the order in which they came.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Handoff } from '../../../../src/channel/messages.ts';
import type { PoolConfig } from '../../../../src/config/config.ts';
import { Random } from '../../../../src/lab/random.ts';
import { Client, REQUEST, serverOf } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('queue');

/** Connections of a rig by their clients' ports. */
class Crowd {
  readonly rig: Rig;
  readonly clients = new Map<number, Client>();
  /** by port: what was handed over last and not closed */
  readonly given = new Map<number, Handoff>();
  private port = 41_000;
  private seen = 0;

  constructor(rig: Rig) {
    this.rig = rig;
  }

  static async of(servers: number, pool: Partial<PoolConfig>): Promise<Crowd> {
    const config = testConfig(servers);
    const pools = config.pools.map((each) => ({ ...each, ...pool }));
    const table = { ...config.switch!, connections: 4096 };
    const rig = await Rig.make({ ...config, pools, switch: table });
    for (let server = 1; server <= servers; server += 1) rig.up(server);
    return new Crowd(rig);
  }

  /** A new client with its request; its port. */
  come(text = REQUEST): number {
    this.port += 1;
    const client = new Client(this.rig, { port: this.port });
    this.clients.set(this.port, client);
    client.open();
    client.send(text);
    return this.port;
  }

  /** Ports of those that were given to servers since the last call, in their order. */
  handed(): number[] {
    const { messages } = this.rig;
    const fresh = messages.slice(this.seen).map(({ message }) => message);
    this.seen = messages.length;
    return fresh.flatMap((message) => {
      if (message.type !== 'handoff') return [];
      this.given.set(message.tuple.clientPort, message);
      return [message.tuple.clientPort];
    });
  }

  /** The server has it, and ends it. */
  ready(port: number): void {
    const handoff = this.given.get(port)!;
    this.rig.message(serverOf(this.rig, handoff), { type: 'ready', id: handoff.id });
  }

  close(port: number): void {
    const { id, tuple } = this.given.get(port)!;
    const server = serverOf(this.rig, this.given.get(port)!);
    this.given.delete(port);
    this.rig.message(server, { type: 'close', id, tuple });
  }

  fail(port: number): void {
    const handoff = this.given.get(port)!;
    this.given.delete(port);
    const { id } = handoff;
    const server = serverOf(this.rig, handoff);
    this.rig.message(server, { type: 'failed', id, delivered: 'no', reason: 'refused' });
  }

  get active(): number[] {
    return this.rig.plane.stats().servers.map(({ active }) => active);
  }

  get waiting(): number {
    return this.rig.plane.stats().queues[0]?.waiting ?? 0;
  }
}

test('queue: no server gets more than its most, the others wait and go in their order', async () => {
  const crowd = await Crowd.of(2, { maxConnections: 2, queue: { length: 10, timeoutMs: 5000 } });
  const ports = Array.from({ length: 8 }, () => crowd.come());
  assert.equal(crowd.handed(), ports.slice(0, 4));
  assert.equal(crowd.active, [2, 2]);
  assert.is(crowd.waiting, 4);
  for (const port of ports.slice(0, 4)) crowd.ready(port);
  assert.equal(crowd.handed(), []);
  for (const at of [2, 0, 1]) {
    crowd.close(ports[at]!);
    const [next] = crowd.handed();
    assert.is(next, ports[4 + [2, 0, 1].indexOf(at)]);
    assert.equal(crowd.active, [2, 2]);
  }
  assert.is(crowd.waiting, 1);
  assert.is(crowd.rig.plane.stats().queued, 4);
});

test('queue: one that has waited while its server was away goes before a newcomer', async () => {
  const crowd = await Crowd.of(1, { maxConnections: 1, queue: { length: 10, timeoutMs: 60_000 } });
  const [, second] = [crowd.come(), crowd.come()];
  crowd.handed();
  crowd.rig.down(1);
  crowd.rig.wait(4100);
  assert.equal(crowd.active, [0], 'its handoff was given up');
  crowd.rig.feed({ kind: 'channel-up', peer: 'server1', hello: crowd.rig.helloOf(1) });
  const third = crowd.come();
  crowd.rig.message(1, { type: 'resync', entries: [], last: true });
  assert.equal(crowd.handed(), [second]);
  crowd.ready(second);
  crowd.close(second);
  assert.equal(crowd.handed(), [third]);
});

test('queue: full, it refuses the newcomer; when its time is over, the one that waited', async () => {
  const crowd = await Crowd.of(1, { maxConnections: 1, queue: { length: 2, timeoutMs: 1000 } });
  const [, second] = [crowd.come(), crowd.come(), crowd.come()];
  crowd.rig.take();
  crowd.come();
  assert.match(new TextDecoder().decode(crowd.rig.take().at(-1)!.payload), / 503 /);
  const { queueFull, refused } = crowd.rig.plane.stats();
  assert.equal({ queueFull, refused }, { queueFull: 1, refused: { 503: 1 } });
  assert.is(crowd.waiting, 2);
  crowd.rig.wait(1010);
  assert.is(crowd.waiting, 0);
  assert.is(crowd.rig.plane.stats().queueExpired, 2);
  assert.equal(crowd.rig.plane.stats().refused, { 503: 3 });
  assert.is(crowd.clients.get(second!)!.state(), L.STATE_GATHERING);
});

test('queue: a pool without places to wait in has room, though others wait for another pool', async () => {
  const config = testConfig(2);
  const [pool] = config.pools;
  const pools = [
    { ...pool!, servers: ['server1'], queue: { length: 10, timeoutMs: 5000 } },
    { ...pool!, name: 'other', servers: ['server2'], queue: { length: 0, timeoutMs: 5000 } },
  ];
  const servers = config.servers.map((each) => ({ ...each, maxConnections: 1 }));
  const [service] = config.services;
  const rules = [{ match: { path: '/other' }, pool: 'other' }];
  const services = [{ ...service!, rules }];
  const rig = await Rig.make({ ...config, pools, servers, services });
  for (const server of [1, 2]) rig.up(server);
  const crowd = new Crowd(rig);
  const [first] = [crowd.come(), crowd.come()];
  assert.equal(crowd.handed(), [first]);
  const other = REQUEST.replace(/GET \S+/, 'GET /other');
  assert.equal([crowd.come(other)], crowd.handed(), 'server2 has room');
  crowd.come(other);
  assert.equal(crowd.handed(), []);
  assert.equal(rig.plane.stats().refused, { 503: 1 });
});

test('queue: a client that gives up leaves its place to the next', async () => {
  const crowd = await Crowd.of(1, { maxConnections: 1, queue: { length: 10, timeoutMs: 5000 } });
  const ports = [crowd.come(), crowd.come(), crowd.come()];
  crowd.handed();
  crowd.clients.get(ports[1]!)!.flag(TCP_RST);
  assert.is(crowd.waiting, 1);
  crowd.ready(ports[0]!);
  crowd.close(ports[0]!);
  assert.equal(crowd.handed(), [ports[2]]);
});

test('queue: who was called and refused by a server comes back to the place that he had', async () => {
  const crowd = await Crowd.of(1, { maxConnections: 1, queue: { length: 10, timeoutMs: 5000 } });
  const ports = [crowd.come(), crowd.come(), crowd.come()];
  crowd.handed();
  crowd.ready(ports[0]!);
  crowd.close(ports[0]!);
  assert.equal(crowd.handed(), [ports[1]]);
  crowd.fail(ports[1]!);
  assert.equal(crowd.handed(), [ports[2]], 'nobody waits for one that has to wait');
  crowd.fail(ports[2]!);
  crowd.rig.wait(300);
  assert.equal(crowd.handed(), [ports[1]]);
});

test('queue: a limit of the server goes before that of the pool, and a reload may raise it', async () => {
  const crowd = await Crowd.of(2, { maxConnections: 3 });
  const { config } = crowd.rig;
  const servers = config.servers.map((each, at) =>
    at === 0 ? { ...each, maxConnections: 1 } : each,
  );
  crowd.rig.feed({ kind: 'config', config: { ...config, servers } });
  for (const server of [1, 2]) crowd.rig.message(server, crowd.rig.helloOf(server));
  const timing = { ...config.timing, serverWaitMs: 5000 };
  crowd.rig.feed({ kind: 'config', config: { ...config, servers, timing } });
  for (let count = 0; count < 6; count += 1) crowd.come();
  assert.equal(crowd.active, [1, 3]);
  assert.is(crowd.waiting, 2);
  crowd.rig.feed({ kind: 'config', config });
  assert.equal(crowd.active, [3, 3]);
  assert.is(crowd.waiting, 0);
});

test('queue: a server that comes back gets those who wait, and no more than it may', async () => {
  const crowd = await Crowd.of(2, { maxConnections: 2, queue: { length: 10, timeoutMs: 5000 } });
  for (const server of [1, 2]) {
    crowd.rig.feed({ kind: 'mode', server: `server${server}`, mode: 'drain' });
  }
  const ports = Array.from({ length: 5 }, () => crowd.come());
  assert.equal(crowd.handed(), []);
  crowd.rig.feed({ kind: 'mode', server: 'server2', mode: 'ready' });
  assert.equal(crowd.handed(), ports.slice(0, 2));
  assert.equal(crowd.active, [0, 2]);
});

/** What must hold in every run: who waits, oldest first. */
class Model {
  readonly waiting: number[] = [];

  came(port: number): void {
    this.waiting.push(port);
  }

  left(port: number): void {
    const at = this.waiting.indexOf(port);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  /** These were given to servers, in that order. */
  given(ports: number[]): void {
    for (const port of ports) assert.is(this.waiting.shift(), port, 'the oldest goes first');
  }
}

for (const seed of [1, 2, 3]) {
  test(`queue: the oldest goes first, nobody waits without need (${seed})`, async () => {
    const most = 3;
    const crowd = await Crowd.of(3, {
      maxConnections: most,
      queue: { length: 1000, timeoutMs: 3_600_000 },
    });
    const model = new Model();
    const random = new Random(seed);
    const pick = (ports: number[]) => ports[Math.floor(random.fraction() * ports.length)];
    const down = new Set<number>();
    for (let step = 0; step < 600; step += 1) {
      const dice = random.fraction();
      const open = pick([...crowd.given.keys()]);
      const waiting = pick(model.waiting);
      if (dice < 0.5) model.came(crowd.come());
      else if (dice < 0.9 && open !== undefined) {
        crowd.ready(open);
        crowd.close(open);
      } else if (dice < 0.95 && waiting !== undefined) {
        crowd.clients.get(waiting)!.flag(TCP_RST);
        model.left(waiting);
      } else if (dice >= 0.95) {
        const server = 1 + Math.floor(random.fraction() * 3);
        if (!down.delete(server)) down.add(server);
        const mode = down.has(server) ? 'drain' : 'ready';
        crowd.rig.feed({ kind: 'mode', server: `server${server}`, mode });
      }
      model.given(crowd.handed());
      const room = crowd.active.some((count, at) => count < most && !down.has(at + 1));
      assert.ok(crowd.active.every((count) => count <= most));
      assert.ok(!room || model.waiting.length === 0, 'nobody waits while there is room');
      assert.is(crowd.waiting, model.waiting.length);
    }
    assert.ok(crowd.rig.plane.stats().queued > 50);
  });
}

test.run();
