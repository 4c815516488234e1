import * as L from '../../assembly/layout.ts';
import type { Address, Binding, HandoffId, Hello, Message, Tuple } from '../channel/messages.ts';
import { TAKES_IDLE } from '../channel/idle-message.ts';
import { IN_FRONT, IN_GROUP } from '../channel/messages.ts';
import { PROTOCOL_VERSION } from '../channel/wire.ts';
import type { Config } from '../config/config.ts';
import { Connections } from '../connections.ts';
import type { Core } from '../core.ts';
import type { Effects, OutgoingPacket } from '../event.ts';
import { Reserve } from '../reserve.ts';
import { sameAddress } from '../tuple.ts';
import type { LocalTuple } from '../tuple.ts';
import { Deadlines } from './deadlines.ts';
import { Affinities } from './dispatcher/affinities.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { Fronts } from './distributor/fronts.ts';
import { Queues } from './distributor/queues.ts';
import { RemoteDispatchers } from './distributor/remote-dispatchers.ts';
import { Figures } from './figures.ts';
import type { Opening } from './opening.ts';
import { Quorums } from './quorums.ts';
import { makeServer } from './server.ts';
import type { Server } from './server.ts';
import { listServices } from './service.ts';
import type { Service } from './service.ts';
import { OwedCloses } from './switch/owed-closes.ts';
import { Owners } from './switch/owners.ts';
import { Probes } from './switch/probes.ts';
import { PutOffs } from './switch/put-offs.ts';
import { Questions } from './switch/questions.ts';
import { Strays } from './switch/strays.ts';
import { Unproven } from './switch/unproven.ts';

/** Sessions and clients whose server is remembered. */
const AFFINITIES = 65536;
/** of the table, at most one in so many */
const CROWD_SHARE = 8;

/** What the switch's control plane is made with. `config` has the section of the role. */
export interface WebSwitchOptions {
  core: Core;
  config: Config;
  /** 32 bits, drawn at start: first half of all handoff ids of this run */
  run: number;
  /** 0 <= x < 1 */
  random: () => number;
  hostName: string;
}

/**
 * So long after its start a switch waits for agents to tell what they have: a client that repeats its
 * first segment still has a good cookie, and its request may be with one of them. A lease and 2 s.
 */
export const LEARNING_MS = 3000;
/** An agent that has told nothing so long after the start counts as dead: nothing waits for its list. */
const DEAD_MS = 10_000;

export type { Server } from './server.ts';

/** Everything the parts of the switch's control plane share. */
export class SwitchState {
  readonly core: Core;
  readonly owner: number;
  readonly connections: Connections;
  config: Config;
  readonly run: number;
  readonly hostName: string;
  readonly servers: Server[];
  readonly services: Service[];
  readonly dispatcher: Dispatcher;
  /** dispatchers on other hosts, if the configuration names any */
  readonly remote: RemoteDispatchers | null;
  /** by entry index */
  readonly openings = new Map<number, Opening>();
  /** openings in phase 'handing', by the counter of their handoff id */
  readonly pending = new Map<number, Opening>();
  /** openings in phase 'gathering', the oldest first */
  readonly halfRead = new Set<Opening>();
  /** openings in phase 'refused' or 'reset', the oldest first */
  readonly farewells = new Set<Opening>();
  /** of all openings in phase 'handing' */
  heldBytes = 0;
  /** openings in phase 'handing' for which there is no server now, oldest first; without those in queues */
  readonly waiting = new Set<Opening>();
  readonly queues = new Queues();
  readonly quorums = new Quorums();
  /** those whose server was asked to give them back */
  readonly asked = new Set<Opening>();
  readonly deadlines = new Deadlines<Opening>();
  readonly owed = new OwedCloses();
  readonly putOffs = new PutOffs();
  readonly probes = new Probes();
  readonly unproven: Unproven;
  readonly strays: Strays;
  readonly owners: Owners;
  readonly questions = new Questions();
  readonly reserve: Reserve;
  readonly fronts = new Fronts((to, message) => this.sendTo(to, message));
  readonly figures = new Figures();
  readonly affinities = new Affinities(AFFINITIES);
  /** by entry index: counter of the first handoff of the connection that it holds */
  readonly firstCounter: Uint32Array;
  counter = 0;
  /** ms; Infinity before the first event */
  learningUntilMs = Infinity;
  private effects: Effects = { packets: [], messages: [], deadlineMs: Infinity };

  constructor(options: WebSwitchOptions) {
    const { core, config } = options;
    this.core = core;
    this.config = config;
    // 0/0 is the id of no handoff
    this.run = options.run >>> 0 || 1;
    this.hostName = options.hostName;
    this.owner = core.nextOwner();
    this.connections = new Connections(core.memory.buffer);
    this.reserve = new Reserve(core, this.owner, this.connections);
    this.unproven = new Unproven(core.memory.buffer);
    this.strays = new Strays(core.memory.buffer);
    const peers = (config.peers ?? []).map(({ name }) => name);
    this.owners = new Owners(options.hostName, peers);
    this.firstCounter = new Uint32Array(this.connections.entryCount);
    this.services = listServices(config.services, this.connections.view);
    this.dispatcher = new Dispatcher(config.servers, config.pools, options.random);
    const names = config.dispatchers?.map(({ name }) => name);
    this.remote = names ? new RemoteDispatchers(names, this.dispatcher) : null;
    this.servers = config.servers.map((server, index) => makeServer(index, server));
  }

  get group(): string {
    return this.config.switch!.group;
  }

  get timing(): Config['timing'] {
    return this.config.timing;
  }

  /** Most half-read requests, and most farewells, at a time. */
  get crowdLimit(): number {
    const share = Math.ceil(this.connections.entryCount / CROWD_SHARE);
    return Math.min(this.config.switch!.halfRead, share);
  }

  get heldLimit(): number {
    return this.config.switch!.heldBytes;
  }

  /** Whether an agent may have connections that this switch does not know of yet. */
  isLearning(nowMs: number): boolean {
    return nowMs < this.learningUntilMs && this.servers.some((server) => !server.known);
  }

  /** Whether every agent has told all its connections, or is dead. */
  hasHeardAll(nowMs: number): boolean {
    const deadMs = this.startedMs + DEAD_MS;
    return nowMs >= deadMs || this.servers.every((server) => server.known);
  }

  /** The server that the entry's connection was given to last. */
  serverOf(entry: number): Server | undefined {
    return this.servers[this.connections.record16(entry, L.RECORD_SERVER)];
  }

  private get capabilities(): string[] {
    if (this.config.inFront) return [IN_FRONT];
    // what one switch of a group takes from a server another one may send there
    return this.owners.areThere ? [IN_GROUP] : [TAKES_IDLE];
  }

  /** When it began (ms); Infinity before the first event. */
  get startedMs(): number {
    return this.learningUntilMs - LEARNING_MS;
  }

  /** What this host says first on a channel to an agent, and again when the services have changed. */
  hello(server?: Server): Hello {
    const own = server?.port ?? 0;
    return {
      type: 'hello',
      version: PROTOCOL_VERSION,
      name: this.hostName,
      roles: ['switch'],
      group: this.group,
      run: this.run,
      capabilities: this.capabilities,
      services: this.services.map(({ vip, port, serverPort }) => {
        return { vip, port, serverPort: serverPort ?? own };
      }),
      bindings: [],
    };
  }

  serverNamed(name: string): Server | undefined {
    return this.servers.find((server) => server.name === name);
  }

  serviceAt(vip: Address, port: number): Service | undefined {
    return this.services.find((service) => service.port === port && sameAddress(service.vip, vip));
  }

  /** The service whose packets come to that address: its VIP, or one behind a switch in front. */
  serviceAtArrival(address: Address, port: number): Service | undefined {
    return this.services.find(
      (service) => service.port === port && sameAddress(service.arrival, address),
    );
  }

  /** The key under which the table has a connection. */
  keyOf({ client, clientPort, vip, vipPort }: Tuple): LocalTuple {
    const local = this.serviceAt(vip, vipPort)?.arrival ?? vip;
    return { client, clientPort, local, localPort: vipPort };
  }

  /** The client's view of an entry. */
  tupleOf(entry: number): Tuple {
    const { client, clientPort, local, localPort } = this.connections.key(entry);
    const vip = this.serviceAtArrival(local, localPort)?.vip ?? local;
    return { client, clientPort, vip, vipPort: localPort };
  }

  /** Where the server's agent wants the packets of that VIP and port. */
  bindingOf(server: Server, vip: Address, port: number): Binding | undefined {
    return server.bindings.find(
      (binding) => binding.port === port && sameAddress(binding.vip, vip),
    );
  }

  /** It is no object any more. */
  forget(opening: Opening): void {
    opening.phase = 'over';
    this.openings.delete(opening.entry);
    this.halfRead.delete(opening);
    this.farewells.delete(opening);
    this.waiting.delete(opening);
    this.queues.leave(opening);
    this.asked.delete(opening);
    this.deadlines.remove(opening);
    this.endHanding(opening);
    this.endFollowing(opening);
  }

  /** Nothing more is held for it. */
  endHanding(opening: Opening): void {
    this.heldBytes -= opening.handing?.heldBytes ?? 0;
    opening.handing = null;
    opening.question = null;
  }

  endFollowing(opening: Opening): void {
    this.heldBytes -= opening.following?.heldBytes ?? 0;
    opening.following = null;
    opening.question = null;
  }

  /** The entry of a connection, or NO_ENTRY. */
  find(key: LocalTuple): number {
    this.connections.writeTuple(key);
    const entry = this.core.lookup(L.CONTROL_TUPLE);
    return this.connections.isIndex(entry) ? entry : L.NO_ENTRY;
  }

  /** As the core hashes targets. */
  hash(bytes: Uint8Array): number {
    this.connections.writeBuffer(bytes);
    return this.core.hashTarget(L.CONTROL_BUFFER, bytes.length);
  }

  nextId(): HandoffId {
    this.counter = (this.counter + 1) >>> 0;
    return { run: this.run, counter: this.counter };
  }

  /** Lost when the channel is down; what must arrive is repeated by whoever owes it. */
  send(server: Server, message: Message): void {
    if (server.up) this.sendTo(server.name, message);
  }

  sendTo(peer: string, message: Message): void {
    this.effects.messages.push({ to: peer, message });
  }

  transmit(packet: OutgoingPacket): void {
    this.effects.packets.push(packet);
  }

  /** What has gathered since the last call. */
  takeEffects(deadlineMs: number): Effects {
    const taken = this.effects;
    taken.deadlineMs = deadlineMs;
    this.effects = { packets: [], messages: [], deadlineMs: Infinity };
    return taken;
  }

  /** core.update with what was put into the template; false: the entry is another one by now. */
  update(entry: number, id: HandoffId, what: number): boolean {
    const { core, owner } = this;
    return core.update(owner, entry, id.run, id.counter, L.CONTROL_TEMPLATE, what) === 1;
  }
}
