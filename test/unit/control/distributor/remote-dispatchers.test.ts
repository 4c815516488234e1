import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Dispatch } from '../../../../src/channel/dispatch-messages.ts';
import type { Message } from '../../../../src/channel/messages.ts';
import type { Config } from '../../../../src/config/config.ts';
import { DispatcherPlane } from '../../../../src/control/dispatcher/dispatcher-plane.ts';
import { Client, REQUEST, serverOf } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('remote dispatchers');
const ANSWER_MS = 100;

function namesOf(...names: string[]): NonNullable<Config['dispatchers']> {
  const control = { address: Uint8Array.of(10, 80, 9, 2), port: 7081 };
  return names.map((name) => ({ name, control }));
}

/** A switch and its dispatchers; messages between them go when the test says so. */
class Cluster {
  readonly rig: Rig;
  readonly planes = new Map<string, DispatcherPlane>();
  private port = 40000;

  private constructor(rig: Rig, names: string[]) {
    this.rig = rig;
    for (const name of names) this.planes.set(name, this.plane(name));
  }

  static async make(names = ['dispatcher'], perRequest = false): Promise<Cluster> {
    const services = testConfig(2).services.map((service) =>
      perRequest ? { ...service, requests: 'per-request' as const } : service,
    );
    const config = testConfig(2, { dispatchers: namesOf(...names), services });
    config.pools[0]!.policy = 'lard';
    const rig = await Rig.make(config);
    for (const server of [1, 2]) {
      const hello = rig.helloOf(server);
      const capabilities = [...hello.capabilities, 'release'];
      rig.feed({ kind: 'channel-up', peer: hello.name, hello: { ...hello, capabilities } });
      rig.message(server, { type: 'resync', entries: [], last: true });
    }
    rig.messages = [];
    return new Cluster(rig, names);
  }

  private plane(name: string): DispatcherPlane {
    const config = testConfig(2, { name });
    config.pools[0]!.policy = 'lard';
    return new DispatcherPlane({ config, run: 1, random: () => 0.5 });
  }

  up(name = 'dispatcher'): void {
    const { rig } = this;
    const hello = { ...rig.plane.hello(), roles: ['dispatcher'], name };
    this.planes.get(name)!.receive({ kind: 'channel-up', peer: 'switch', hello }, rig.nowMs);
    rig.feed({ kind: 'channel-up', peer: name, hello });
  }

  down(name = 'dispatcher'): void {
    this.planes.set(name, this.plane(name));
    this.rig.feed({ kind: 'channel-down', peer: name });
  }

  /** What was sent to dispatchers, or to one, and not carried yet. */
  waiting(name?: string): Dispatch[] {
    return this.rig.messages.flatMap(({ to, message }) => {
      return message.type === 'dispatch' && (name ?? to) === to ? [message] : [];
    });
  }

  /** Carries what the switch has sent to dispatchers, and their answers back. */
  carry(answers = true): void {
    const { rig, planes } = this;
    const sent = rig.messages.filter(({ to }) => planes.has(to));
    rig.messages = rig.messages.filter(({ to }) => !planes.has(to));
    for (const { to, message } of sent) {
      const event = { kind: 'message', from: 'switch', message } as const;
      const effects = planes.get(to)!.receive(event, rig.nowMs);
      if (!answers) continue;
      for (const answer of effects.messages) rig.feed({ ...event, from: to, ...answer });
    }
  }

  request(): Client {
    const client = new Client(this.rig, { port: (this.port += 1) });
    client.open();
    client.send(REQUEST);
    return client;
  }

  dispatching() {
    return this.rig.plane.stats().dispatching!;
  }

  total(name = 'dispatcher'): number {
    return this.active(name).reduce((sum, active) => sum + active, 0);
  }

  active(name = 'dispatcher'): number[] {
    return this.planes
      .get(name)!
      .stats()
      .servers.map(({ active }) => active);
  }
}

test('remote dispatchers: one batch is outstanding, the next holds all that came meanwhile', async () => {
  const cluster = await Cluster.make();
  cluster.up();
  const clients = Array.from({ length: 6 }, () => cluster.request());
  const [first, ...others] = cluster.waiting();
  assert.is(others.length, 0, 'a second batch before the answer');
  assert.is(first!.requests.length, 12, 'the first goes at once and alone');
  assert.is(cluster.rig.count('handoff'), 0);
  cluster.carry();
  const [second, ...more] = cluster.waiting();
  assert.is(more.length, 0);
  assert.is(second!.requests.length, 5 * 12);
  assert.is(second!.sets.length, 1, 'one set of servers for all');
  cluster.carry();
  assert.is(cluster.rig.count('handoff'), clients.length);
  const { batches, decisions, local, largestBatch } = cluster.dispatching();
  assert.equal([batches, decisions, local, largestBatch], [2, 6, 0, 5]);
  assert.equal(cluster.active(), [6, 0], 'one target, one server');
});

test('remote dispatchers: what is over is told, and several distributors are counted together', async () => {
  const cluster = await Cluster.make();
  cluster.up();
  cluster.request();
  cluster.carry();
  const handoff = cluster.rig.last('handoff');
  const server = serverOf(cluster.rig, handoff);
  assert.equal(cluster.active(), [1, 0]);
  cluster.rig.message(server, { type: 'ready', id: handoff.id });
  cluster.rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
  assert.is(cluster.waiting()[0]!.counts.length, 6);
  cluster.carry();
  assert.equal(cluster.active(), [0, 0]);
  const plane = cluster.planes.get('dispatcher')!;
  const hello = cluster.rig.plane.hello();
  plane.receive({ kind: 'channel-up', peer: 'other', hello }, 0);
  const servers = [{ name: 'server2', active: 9 }];
  const details = { standings: [{ weight: 1, sinceMs: 0, slowStartMs: 0 }], members: [[0]] };
  const roster: Message = { type: 'roster', pools: ['default'], servers, details };
  plane.receive({ kind: 'message', from: 'other', message: roster }, 0);
  assert.equal(cluster.active(), [0, 9]);
  plane.receive({ kind: 'channel-down', peer: 'other' }, 0);
  assert.equal(cluster.active(), [0, 0]);
});

test('remote dispatchers: one that dies leaves nobody waiting, and is told all when it is back', async () => {
  const cluster = await Cluster.make();
  cluster.up();
  for (let count = 0; count < 3; count += 1) cluster.request();
  assert.is(cluster.rig.count('handoff'), 0);
  cluster.down();
  assert.is(cluster.rig.count('handoff'), 3, 'decided here, at once');
  cluster.request();
  assert.is(cluster.rig.count('handoff'), 4);
  assert.is(cluster.dispatching().local, 4);
  cluster.rig.messages = [];
  cluster.up();
  cluster.carry();
  assert.is(cluster.total(), 4);
});

test('remote dispatchers: no answer in time: decided here, and the late one counts for nobody', async () => {
  const cluster = await Cluster.make();
  cluster.up();
  const late = cluster.request();
  cluster.rig.wait(ANSWER_MS - 1);
  assert.is(cluster.rig.count('handoff'), 0);
  cluster.rig.wait(1);
  assert.is(cluster.rig.count('handoff'), 1);
  cluster.request();
  assert.is(cluster.rig.count('handoff'), 2, 'nobody waits for one that is late');
  assert.is(cluster.waiting().length, 1, 'and it is asked nothing more');
  const { handoffs } = cluster.rig.plane.stats();
  cluster.carry();
  assert.is(cluster.rig.plane.stats().handoffs, handoffs, 'no second handoff');
  cluster.carry();
  const { local, late: answers, decisions } = cluster.dispatching();
  assert.equal([local, answers, decisions], [2, 1, 0]);
  assert.is(cluster.total(), 2);
  cluster.request();
  assert.is(cluster.waiting().length, 1, 'it is asked again');
  assert.ok(late.state());
});

test('remote dispatchers: an answer with another number than the batch is no answer', async () => {
  const cluster = await Cluster.make();
  cluster.up();
  cluster.request();
  const { number } = cluster.waiting()[0]!;
  const servers = Uint8Array.of(0, 1);
  const tell = (from: string, told: number) => {
    const message = { type: 'dispatched', number: told, servers } as const;
    cluster.rig.feed({ kind: 'message', from, message });
  };
  tell('dispatcher', number - 1);
  tell('server1', number);
  assert.is(cluster.rig.count('handoff'), 0);
  tell('dispatcher', number);
  assert.is(serverOf(cluster.rig, cluster.rig.last('handoff')), 2);
});

test('remote dispatchers: an answer for a connection that is over gives nothing to a later one', async () => {
  const cluster = await Cluster.make();
  cluster.up();
  const first = cluster.request();
  first.flag(TCP_RST);
  cluster.request();
  cluster.carry();
  assert.is(cluster.rig.count('handoff'), 0, 'the answer was not for this one');
  cluster.carry();
  assert.is(cluster.rig.count('handoff'), 1);
  cluster.carry();
  assert.equal(cluster.active(), [1, 0]);
});

test('remote dispatchers: the first in order is asked, and counts move with it', async () => {
  const cluster = await Cluster.make(['dispatcher', 'spare']);
  cluster.up('spare');
  cluster.request();
  cluster.carry();
  assert.equal(cluster.active('spare'), [1, 0]);
  cluster.up('dispatcher');
  cluster.carry();
  cluster.request();
  cluster.carry();
  assert.is(cluster.total('dispatcher'), 2, 'what it did not decide, too');
  assert.is(cluster.total('spare'), 0, 'it is told that it counts nothing of ours');
  cluster.down('dispatcher');
  cluster.request();
  cluster.carry();
  assert.is(cluster.dispatching().dispatcher, 'spare');
  assert.is(cluster.total('spare'), 3);
});

test('remote dispatchers: a next request waits for the answer, and goes on without one', async () => {
  const cluster = await Cluster.make(['dispatcher'], true);
  cluster.up();
  const client = cluster.request();
  cluster.carry();
  const handoff = cluster.rig.last('handoff');
  cluster.rig.message(serverOf(cluster.rig, handoff), { type: 'ready', id: handoff.id });
  cluster.rig.take();
  client.send(REQUEST);
  const [asked] = cluster.waiting();
  assert.equal(asked!.requests.slice(8, 10), Uint8Array.of(0, 0), 'server 1 has the connection');
  assert.is(cluster.rig.take().length, 0);
  cluster.carry();
  assert.is(cluster.rig.plane.stats().followed, 1);
  assert.is(cluster.rig.take().length, 1);
  client.send(REQUEST);
  cluster.rig.wait(ANSWER_MS);
  assert.is(cluster.rig.plane.stats().followed, 2);
  assert.is(cluster.dispatching().local, 1);
});

test('remote dispatchers: one given back twice while its next server is asked for is not reset', async () => {
  const cluster = await Cluster.make(['dispatcher'], true);
  const { rig } = cluster;
  cluster.up();
  const client = cluster.request();
  cluster.carry();
  const { id, tuple } = rig.last('handoff');
  rig.message(1, { type: 'ready', id });
  rig.take();
  client.send(REQUEST);
  const { number } = cluster.waiting()[0]!;
  const servers = Uint8Array.of(0, 1);
  const elsewhere = { type: 'dispatched', number, servers } as const;
  rig.messages = [];
  rig.feed({ kind: 'message', from: 'dispatcher', message: elsewhere });
  assert.is(rig.count('release', 1), 1);
  const released = { type: 'released', id, tuple, next: client.ack, timestamp: 0 } as const;
  rig.message(1, released);
  assert.is(cluster.waiting().length, 1);
  rig.message(1, released);
  assert.equal(rig.take(), []);
  cluster.carry();
  assert.is(rig.count('handoff'), 1);
});

test.run();
