import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Handoff, Message } from '../../../../src/channel/messages.ts';
import { idKey } from '../../../../src/tuple.ts';
import { Random } from '../../../../src/lab/random.ts';
import { Client, REQUEST } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('chaos');
const SERVERS = 3;

/** What an agent holds, and what it will say when its time has come. */
class FakeAgent {
  readonly held = new Map<string, Handoff>();
  readonly owed = new Map<string, Message>();
  up = false;
  readonly server: number;

  constructor(server: number) {
    this.server = server;
  }
}

/** A switch with agents and clients that do anything at any time; seeds replay. */
class Chaos {
  readonly rig: Rig;
  readonly random: Random;
  readonly agents = Array.from({ length: SERVERS }, (_, index) => new FakeAgent(index + 1));
  readonly clients: Client[] = [];
  readonly allowed = new Map<string, boolean>(); // client: may be handed over
  readonly owner = new Map<string, number>(); // client: server that said ready
  port = 1000;

  constructor(rig: Rig, random: Random) {
    this.rig = rig;
    this.random = random;
  }

  step(): void {
    const { random } = this;
    const action = random.below(100);
    if (action < 15) this.newClient();
    else if (action < 55) this.clientActs();
    else if (action < 85) this.agentActs(random.pick(this.agents));
    else if (action < 88) this.toggle(random.pick(this.agents));
    else if (action < 91) this.rig.paused = !this.rig.paused;
    else this.rig.wait(random.pick([1, 10, 45, 300, 1100]));
    if (!this.rig.paused) this.rig.drain();
    this.listen();
  }

  private newClient(): void {
    const isn = this.random.next();
    const reuses = this.clients.length > 0 && this.random.chance(0.2);
    const port = reuses ? this.random.pick(this.clients).port : (this.port += 1);
    const before = this.clients.findIndex((client) => client.port === port);
    const client = new Client(this.rig, { port, isn, options: this.random.chance(0.7) });
    client.open(this.random.chance(0.8));
    if (client.switchIsn === 0) return;
    if (before >= 0) this.clients.splice(before, 1);
    this.clients.push(client);
  }

  private clientActs(): void {
    if (this.clients.length === 0) return;
    const { random } = this;
    const client = random.pick(this.clients);
    const first = (client.isn + 1) >>> 0;
    const from = random.below(REQUEST.length);
    const part = random.chance(0.5) ? REQUEST : REQUEST.slice(from, from + random.below(30));
    const sequence = part === REQUEST ? first : (first + from) >>> 0;
    const end = (first + REQUEST.length) >>> 0;
    const action = random.below(10);
    if (action < 6) client.send(part, { sequence });
    else if (action < 8) client.send('body', { sequence: end, flags: TCP_ACK | TCP_PSH });
    else if (action < 9) client.flag(TCP_ACK | TCP_FIN, { sequence: random.pick([first, end]) });
    else if (random.chance(0.3)) client.flag(TCP_RST, { sequence: random.pick([first, end]) });
  }

  private agentActs(agent: FakeAgent): void {
    if (!agent.up) return;
    for (const [key, message] of agent.owed) {
      if (this.random.chance(0.5)) this.tell(agent, key, message);
    }
  }

  private tell(agent: FakeAgent, key: string, message: Message): void {
    const handoff = agent.held.get(key);
    if (message.type === 'failed') {
      agent.held.delete(key);
      if (message.delivered === 'no' && handoff) this.allowed.set(name(handoff), true);
    }
    if (message.type === 'ready' && handoff) this.owner.set(name(handoff), agent.server);
    this.rig.message(agent.server, message);
    if (message.type === 'ready' && handoff && this.random.chance(0.5)) {
      agent.owed.set(key, { type: 'close', id: handoff.id, tuple: handoff.tuple });
    } else {
      agent.owed.delete(key);
    }
    if (message.type !== 'close' || !handoff) return;
    agent.held.delete(key);
    // all that it sent was acknowledged: it repeats nothing
    const over = this.clients.findIndex((client) => nameOf(client) === name(handoff));
    if (over >= 0) this.clients.splice(over, 1);
  }

  toggle(agent: FakeAgent): void {
    if (agent.up) {
      agent.up = false;
      this.rig.down(agent.server);
      if (this.random.chance(0.3)) {
        agent.held.clear();
        agent.owed.clear();
      }
      return;
    }
    agent.up = true;
    const messages = this.rig.messages;
    this.rig.up(agent.server, false);
    this.rig.messages.unshift(...messages);
    const entries = [...agent.held.values()].map((handoff) => {
      return { id: handoff.id, tuple: handoff.tuple, clientIsn: handoff.clientIsn };
    });
    this.rig.message(agent.server, { type: 'resync', entries, last: true });
  }

  /** What the switch said arrives. */
  listen(): void {
    while (this.rig.messages.length > 0) {
      const messages = this.rig.messages;
      this.rig.messages = [];
      for (const { to, message } of messages) {
        const agent = this.agents[Number(to.slice('server'.length)) - 1]!;
        if (message.type === 'handoff') this.handoff(agent, message);
        if (message.type !== 'close') continue;
        agent.held.delete(idKey(message.id));
        agent.owed.delete(idKey(message.id));
        if (agent.up) this.rig.message(agent.server, { type: 'confirm', ids: [message.id] });
      }
    }
    for (const packet of this.rig.take()) {
      // 10.81.server.1
      if (packet.destination[0] !== 10 || packet.destination[1] !== 81) continue;
      const owners = [...this.owner]
        .filter(([client]) => client.startsWith(`${packet.sourcePort} `))
        .map(([, server]) => server);
      assert.ok(owners.includes(packet.destination[2]!), 'a packet went to a server without it');
    }
  }

  private handoff(agent: FakeAgent, handoff: Handoff): void {
    const { random } = this;
    const connection = name(handoff);
    assert.ok(this.allowed.get(connection) ?? true, `${connection} is handed over twice`);
    this.allowed.set(connection, false);
    const text = new TextDecoder().decode(handoff.bytes);
    assert.is(text.slice(0, REQUEST.length), REQUEST);
    if (!agent.up) return;
    const key = idKey(handoff.id);
    agent.held.set(key, handoff);
    const { id } = handoff;
    const failed = { type: 'failed', id, reason: 'test' } as const;
    const fate = random.below(10);
    if (fate < 6) agent.owed.set(key, { type: 'ready', id });
    else if (fate < 8) agent.owed.set(key, { ...failed, delivered: 'no' });
    else if (fate < 9) agent.owed.set(key, { ...failed, delivered: 'maybe' });
  }

  /** Everything ends: all channels up, everything told, all connections closed. */
  settle(): void {
    this.rig.paused = false;
    this.rig.drain();
    for (const agent of this.agents) if (!agent.up) this.toggle(agent);
    this.listen();
    for (const agent of this.agents) {
      for (const [key, handoff] of agent.held) {
        const { id, tuple } = handoff;
        this.owner.set(name(handoff), agent.server);
        this.rig.message(agent.server, { type: 'close', id, tuple });
        agent.held.delete(key);
      }
    }
    for (let second = 0; second < 300; second += 1) {
      this.rig.wait(1000);
      this.listen();
    }
  }
}

function nameOf(client: Client): string {
  return `${client.port} ${client.isn}`;
}

function name({ tuple, clientIsn }: Handoff): string {
  return `${tuple.clientPort} ${clientIsn}`;
}

const seen = { ready: 0, failedNo: 0, held: 0, lost: 0 };

for (let seed = 1; seed <= 30; seed += 1) {
  test(`chaos: none is handed over twice, nothing is left over (seed ${seed})`, async () => {
    const rig = await Rig.make(testConfig(SERVERS));
    const chaos = new Chaos(rig, new Random(seed));
    for (const agent of chaos.agents) chaos.toggle(agent);
    for (let step = 0; step < 600; step += 1) chaos.step();
    chaos.settle();
    const stats = rig.plane.stats();
    const left = Array.from({ length: rig.connections.entryCount }, (_, entry) =>
      rig.connections.state(entry),
    ).filter((state) => state !== L.STATE_FREE);
    assert.equal(left, [], 'entries');
    assert.is(rig.core.view.getUint32(L.HEADER_HALF_OPEN_COUNT, true), 0);
    assert.is(stats.pending, 0);
    assert.is(stats.owedCloses, 0);
    assert.equal(stats.openings, {
      gathering: 0,
      handing: 0,
      refused: 0,
      reset: 0,
      over: 0,
      following: 0,
    });
    assert.equal(
      stats.servers.map((server) => server.active),
      [0, 0, 0],
    );
    seen.ready += stats.ready;
    seen.failedNo += stats.failedNo;
    seen.held += stats.heldPackets;
    seen.lost += stats.lost;
  });
}

test('chaos: everything happened at least once', () => {
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, what);
});

test.run();
