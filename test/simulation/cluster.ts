import type { Message } from '../../src/channel/messages.ts';
import type { Config } from '../../src/config/config.ts';
import type { PolicyName } from '../../src/config/choices.ts';
import { FrontSwitch } from '../../src/control/front/front-switch.ts';
import { COOKIE_EPOCH_MS, writeCookieKeys } from '../../src/control/switch/cookie-keys.ts';
import { unusedTimeoutMs } from '../../src/control/switch/sweep.ts';
import { WebSwitch } from '../../src/control/switch/web-switch.ts';
import { ServicePlaces } from '../../src/host/service-places.ts';
import type { Random } from '../../src/lab/random.ts';
import { frontConfig, switchConfig, VIP4, VIP6 } from './configs.ts';
import { ControlLink, type ChannelHost } from './control-link.ts';
import { connectHosts } from './distributor-host.ts';
import { DispatcherHost } from './dispatcher-host.ts';
import { Machine, type MachineParts } from './machine.ts';
import { Monitor } from './monitor.ts';
import { destinationOf, flowFrom, type Network } from './network.ts';
import type { Host, Link } from './network.ts';
import { SECOND, SecondSwitch } from './second-switch.ts';
import { ServerHost } from './server-host.ts';
import type { Scheduler } from './scheduler.ts';
import type { KernelOptions } from './tcp/options.ts';
import type { Trace } from './trace.ts';

/**
 * co-located: each server's host reads requests, a layer-4 switch is in front. group: two active switches,
 * over which the router spreads flows anew now and then. multiple: two switches with VIPs of their own.
 * dying: one switch, and servers' hosts that are cut off under connections which rest between two requests.
 */
export const PLACEMENTS = ['single', 'multiple', 'co-located', 'group', 'dying'] as const;
export type Placement = (typeof PLACEMENTS)[number];

export interface ClusterOptions {
  /** single if omitted */
  placement?: Placement;
  /** hosts with nothing but a dispatcher; none if omitted */
  dispatchers?: number;
  servers: number;
  /** of the web applications; the VIP's is 80 */
  serverPort: number;
  /** between an agent's device and its host's kernel: a device's queue is full at times */
  deviceLoss: number;
  workers: number;
  table: 'keyed' | 'paper';
  policy: PolicyName;
  /** per-request, with two servers or more: requests of odd number are for the second one alone */
  requests: 'per-connection' | 'per-request';
  timing: Partial<Config['timing']>;
  heldBytes: number;
  connections: number;
  /** SYN-ACK's window */
  window: number;
  isSteeringLoose: boolean;
  /** server kernels leave checksums to their devices */
  hasPartialChecksums: boolean;
  serverKernel: Partial<KernelOptions>;
  switchLink: Link;
  serverLink: Link;
  workerDelayMs: number;
  controlDelayMs: number;
  channelDelayMs: number;
}

export interface World {
  clock: Scheduler;
  random: Random;
  trace: Trace;
  network: Network;
  monitor: Monitor;
  module: WebAssembly.Module;
}

const WALL_START_MS = 1_800_000_000_000;
/** The switch and its servers, all running the program's own code. */
export class Cluster {
  readonly world: World;
  readonly options: ClusterOptions;
  readonly place: Host;
  switch: Machine;
  readonly servers: ServerHost[];
  readonly second: SecondSwitch | undefined;
  readonly dispatchers: DispatcherHost[];

  constructor(world: World, options: ClusterOptions) {
    this.world = world;
    this.options = options;
    this.place = world.network.attach('switch', options.switchLink);
    world.network.route(VIP4, this.place);
    world.network.route(VIP6, this.place);
    this.servers = Array.from({ length: options.servers }, (_, i) => new ServerHost(this, i + 1));
    this.switch = this.makeSwitch();
    this.place.receive = (packet) => {
      world.monitor.stamp(packet);
      this.switch.arrive(packet, new Uint8Array(10), flowFrom(packet));
    };
    for (const server of this.servers) this.connect(server);
    const { placement, dispatchers = 0 } = options;
    if (placement === 'group' || placement === 'multiple') this.second = new SecondSwitch(this);
    if (this.isCoLocated) {
      for (const from of this.servers) for (const to of this.servers) connectHosts(this, from, to);
    }
    this.dispatchers = Array.from(
      { length: dispatchers },
      (_, i) => new DispatcherHost(this, i + 1),
    );
    for (const dispatcher of this.dispatchers) this.connectDispatcher(dispatcher);
  }

  get isCoLocated(): boolean {
    return this.options.placement === 'co-located';
  }

  start(): void {
    this.switch.start();
    this.second?.start();
    for (const { agent, link, distributor } of this.servers) {
      agent.start();
      distributor?.machine.start();
      link!.start();
      for (const other of distributor?.links.values() ?? []) other.start();
    }
    for (const dispatcher of this.dispatchers) dispatcher.start();
  }

  /** The switch's process is killed; what comes meanwhile is lost (a `blackhole` route). */
  crash(): void {
    if (!this.switch.isRunning()) return;
    this.switch.crash();
    // what it refused or saw end it has forgotten: a copy kept over that time would be served
    this.world.network.purge();
    for (const link of this.dialed()) link.crashed(link.dialer);
  }

  /** It knows its configuration and nothing else. */
  restart(): void {
    if (this.switch.isRunning()) return;
    this.switch = this.makeSwitch();
    this.switch.start();
    for (const link of this.dialed()) link.dialNow();
  }

  /** The channels that the first switch makes. */
  private dialed(): ControlLink[] {
    const toPeer = this.second?.link;
    const toDispatchers = this.dispatchers.map(({ links }) => links.get('switch'));
    const links = [...this.servers.map(({ link }) => link), toPeer, ...toDispatchers];
    return links.filter((link) => link !== undefined);
  }

  /** The switch's process is stopped by a signal, and goes on later as if nothing were. */
  pause(): void {
    this.switch.pause();
  }

  resume(): void {
    if (!this.switch.isPaused()) return;
    this.switch.resume();
    for (const { link } of this.servers) link!.resumed(link!.dialer);
    const toPeer = this.second?.link;
    toPeer?.resumed(toPeer.dialer);
  }

  sizes() {
    const { workers, table, connections } = this.options;
    const seeds = [this.world.random.next(), this.world.random.next()].map(BigInt);
    return {
      table,
      connections,
      workers,
      slots: 4,
      toControlBytes: 1 << 16,
      fromControlBytes: 1 << 18,
      seeds: seeds as [bigint, bigint],
    };
  }

  private makeSwitch(): Machine {
    const config = this.isCoLocated ? frontConfig(this.options) : switchConfig(this.options);
    return this.makeMachine('switch', config, this.place, {
      transmit: (packet) => this.fromSwitch(packet, this.place),
      send: (to, message) => this.sendTo(to, message),
    });
  }

  /** What a host that takes clients' packets runs: the switch, or a distributor. */
  makeMachine(
    name: string,
    config: Config,
    place: Host,
    ways: Pick<MachineParts, 'transmit' | 'send'>,
  ): Machine {
    const { world, options } = this;
    const random = world.random.fork();
    const run = random.next();
    const places = new ServicePlaces(config.switch!.addresses).of(config);
    const machine = new Machine({
      name,
      index: place.index,
      clock: world.clock,
      random,
      module: world.module,
      map: {
        ...this.sizes(),
        role: 'switch',
        services: places.map((service) => ({ ...service, window: options.window })),
        gatherTimeoutMs: unusedTimeoutMs(config.timing.gatherTimeoutMs),
      },
      makePlane: (core) => {
        const fraction = (): number => random.fraction();
        const parts = { core, config, run, random: fraction, hostName: config.name };
        return config.inFront ? new FrontSwitch(parts) : new WebSwitch(parts);
      },
      ...ways,
      beforePass: () => {},
      workerDelayMs: options.workerDelayMs,
      controlDelayMs: options.controlDelayMs,
      isSteeringLoose: options.isSteeringLoose,
      report: (problem) => world.monitor.problems.push(problem),
    });
    this.keepKeys(machine, config);
    return machine;
  }

  /** Writes the cookies' keys whenever an epoch begins. */
  private keepKeys(machine: Machine, config: Config): void {
    const { clock } = this.world;
    const keys = (): void => {
      if (!machine.isRunning()) return;
      const wallMs = WALL_START_MS + clock.nowMs;
      writeCookieKeys(machine.core, config.switch!.key, wallMs);
      clock.after(COOKIE_EPOCH_MS - (wallMs % COOKIE_EPOCH_MS), keys);
    };
    keys();
  }

  fromSwitch(packet: Uint8Array, place: Host): void {
    const destination = destinationOf(packet);
    const isHandoff = destination.length === 4 && destination[0] === 10 && destination[1] === 81;
    if (isHandoff) this.world.monitor.departs(packet);
    this.world.network.send(place, packet);
  }

  private sendTo(to: string, message: Message): void {
    const { second } = this;
    if (to === SECOND) return void second!.link!.send(second!.link!.dialer, message);
    if (this.toDispatcher('switch', to, message)) return;
    const link = this.servers.find(({ name }) => name === to)?.link;
    if (link?.send(link.dialer, message)) this.world.monitor.fromSwitch(to, message);
  }

  private connect(server: ServerHost): void {
    const { world, options } = this;
    const dialer = this.switchHost(server.name);
    const hosts = { dialer, listener: server.channelHost };
    const random = world.random.fork();
    const link = new ControlLink(world.clock, random, world.trace, hosts, options.channelDelayMs);
    server.link = link;
  }

  private connectDispatcher(dispatcher: DispatcherHost): void {
    const { name } = dispatcher;
    if (!this.isCoLocated) dispatcher.connect(this.switchHost(name), 'switch');
    if (this.second) dispatcher.connect(this.second.host(name), SECOND);
    for (const { name: host, distributor } of this.servers) {
      if (distributor) dispatcher.connect(distributor.channelHost, host);
    }
  }

  /** False: `to` is no dispatcher. */
  toDispatcher(from: string, to: string, message: Message): boolean {
    const dispatcher = this.dispatchers.find(({ name }) => name === to);
    dispatcher?.send(from, message);
    return dispatcher !== undefined;
  }

  /** The first switch's side of its channel to that host. */
  switchHost(to: string): ChannelHost {
    const { monitor } = this.world;
    return {
      name: 'switch',
      index: this.place.index,
      isRunning: () => this.switch.isRunning(),
      isPaused: () => this.switch.isPaused(),
      hello: () => this.switch.hello(to),
      up: (peer, hello) => this.switch.up(peer, hello),
      down: (peer) => this.switch.down(peer),
      message: (peer, message) => {
        monitor.toSwitch(peer, message);
        this.switch.message(peer, message);
      },
    };
  }
}
