import { LEASE_SIZE, HEADER_LEASE_BASE } from '../../assembly/layout.ts';
import { Agent } from '../../src/agent/agent.ts';
import type { Message } from '../../src/channel/messages.ts';
import { resolveConfig, type Config } from '../../src/config/config.ts';
import { configSchema, type PolicyName } from '../../src/config/schema.ts';
import { COOKIE_EPOCH_MS, writeCookieKeys } from '../../src/control/switch/cookie-keys.ts';
import { WebSwitch } from '../../src/control/switch/web-switch.ts';
import type { Random } from '../support/random.ts';
import { ControlLink, type ChannelHost } from './control-link.ts';
import { Machine, makePartial } from './machine.ts';
import { Monitor } from './monitor.ts';
import { destinationOf, isInPrefix, Network, parsePrefix, sourceOf } from './network.ts';
import type { Host, Link } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import { Kernel } from './tcp/kernel.ts';
import type { KernelOptions } from './tcp/options.ts';
import type { Trace } from './trace.ts';

export interface ClusterOptions {
  servers: number;
  /** of the web applications; the VIP's is 80 */
  serverPort: number;
  /** between an agent's device and its host's kernel: a device's queue is full at times */
  deviceLoss: number;
  workers: number;
  table: 'keyed' | 'paper';
  policy: PolicyName;
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

export const VIP4 = '192.0.2.80';
export const VIP6 = '2001:db8:80::80';
const WALL_START_MS = 1_800_000_000_000;
/** Receivers in the trace, besides the hosts of the network. */
export const AT_AGENT = 100;
export const TO_KERNEL = 200;
export const FROM_KERNEL = 300;
const KEY = '5a'.repeat(32);

/** One server's host: kernel, web application's place, agent. */
export class ServerHost {
  readonly name: string;
  readonly place: Host;
  readonly kernel: Kernel;
  agent: Machine;
  /** stays the same over restarts */
  readonly channelHost: ChannelHost;
  link: ControlLink | undefined;
  crashes = 0;
  private readonly cluster: Cluster;
  private readonly handoff: ReturnType<typeof parsePrefix>[];
  private readonly service: ReturnType<typeof parsePrefix>[];
  private readonly number: number;
  private readonly random: Random;

  constructor(cluster: Cluster, number: number) {
    const { world, options } = cluster;
    this.random = world.random.fork();
    this.cluster = cluster;
    this.number = number;
    this.name = `server${number}`;
    this.handoff = [`10.81.${number}.0/24`, `fd81:${number}::/64`].map(parsePrefix);
    this.service = [`10.82.${number}.0/24`, `fd82:${number}::/64`].map(parsePrefix);
    this.place = world.network.attach(this.name, options.serverLink);
    world.network.route(`10.81.${number}.0/24`, this.place);
    world.network.route(`fd81:${number}::/64`, this.place);
    this.place.receive = (packet) => this.fromNetwork(packet);
    const kernelRandom = world.random.fork();
    const fromKernel = (packet: Uint8Array): void => this.fromKernel(packet);
    this.kernel = new Kernel(world.clock, kernelRandom, fromKernel, options.serverKernel);
    this.agent = this.makeAgent();
    this.channelHost = {
      name: this.name,
      index: AT_AGENT + number,
      isRunning: () => this.agent.isRunning(),
      hello: () => this.agent.hello(),
      up: (peer, hello) => this.agent.up(peer, hello),
      down: (peer) => this.agent.down(peer),
      message: (peer, message) => this.agent.message(peer, message),
    };
  }

  /** The agent's process is killed; its device goes with it. */
  crash(): void {
    this.agent.crash();
    this.crashes += 1;
    this.link!.crashed(this.channelHost);
  }

  restart(): void {
    this.agent = this.makeAgent();
    this.agent.start();
  }

  private makeAgent(): Machine {
    const { world, options } = this.cluster;
    const config = this.cluster.agentConfig(this.number);
    const random = world.random.fork();
    const run = random.next();
    const machine: Machine = new Machine({
      name: this.name,
      index: this.place.index,
      clock: world.clock,
      random,
      module: world.module,
      map: {
        ...this.cluster.sizes(),
        role: 'agent',
        serviceNetworks: this.service.map(({ prefix, bits }) => ({
          network: prefix,
          length: bits,
        })),
      },
      makePlane: (core) =>
        new Agent({ core, config, run, random: () => random.fraction(), hostName: this.name }),
      transmit: (packet) => this.fromAgent(machine, packet),
      send: (_to, message) => {
        world.monitor.fromAgent(this, message);
        this.link!.send(this.channelHost, message);
      },
      beforePass: (view) => this.writeLease(view),
      workerDelayMs: options.workerDelayMs,
      controlDelayMs: options.controlDelayMs,
      isSteeringLoose: options.isSteeringLoose,
      report: (problem) => world.monitor.problems.push(problem),
    });
    return machine;
  }

  private writeLease(view: DataView): void {
    const lease = (this.agent.plane as unknown as Agent).leaseOf('switch');
    if (lease === null) return;
    const at = view.getUint32(HEADER_LEASE_BASE, true) + lease * LEASE_SIZE;
    view.setFloat64(at, this.link!.leaseDeadlineMs(this.channelHost), true);
  }

  private fromNetwork(packet: Uint8Array): void {
    const destination = destinationOf(packet);
    const isHandoff = this.handoff.some(({ prefix, bits }) =>
      isInPrefix(destination, prefix, bits),
    );
    if (isHandoff) this.toAgent(packet, sourceOf(packet), 0);
  }

  /** `ip rule from SERVICE` leads what the server answers into the agent's device. */
  private fromKernel(packet: Uint8Array): void {
    const source = sourceOf(packet);
    if (!this.service.some(({ prefix, bits }) => isInPrefix(source, prefix, bits))) return;
    if (this.random.chance(this.cluster.options.deviceLoss)) return;
    const { clock, trace } = this.cluster.world;
    trace.delivery(clock.nowMs, FROM_KERNEL + this.number, packet);
    this.toAgent(packet, destinationOf(packet), 2);
  }

  /** `portAt`: where the client's port stands in the TCP header. */
  private toAgent(packet: Uint8Array, client: Uint8Array, portAt: number): void {
    const header = packet[0]! >> 4 === 6 ? 40 : 20;
    const port = (packet[header + portAt]! << 8) | packet[header + portAt + 1]!;
    const isLocal = portAt === 2 && this.cluster.options.hasPartialChecksums;
    const vnet = isLocal ? makePartial(packet) : new Uint8Array(10);
    this.agent.arrive(packet, vnet, flowOf(client, port));
  }

  private fromAgent(machine: Machine, packet: Uint8Array): void {
    if (machine !== this.agent) return;
    const { world } = this.cluster;
    const destination = destinationOf(packet);
    if (this.service.some(({ prefix, bits }) => isInPrefix(destination, prefix, bits))) {
      world.monitor.toServer(this.name, packet);
      if (this.random.chance(this.cluster.options.deviceLoss)) return;
      const copy = packet.slice();
      world.clock.after(0.01, () => {
        world.trace.delivery(world.clock.nowMs, TO_KERNEL + this.number, copy);
        this.kernel.receive(copy);
      });
    } else {
      world.network.send(this.place, packet);
    }
  }
}

/** The switch and its servers, all running the program's own code. */
export class Cluster {
  readonly world: World;
  readonly options: ClusterOptions;
  readonly place: Host;
  readonly switch: Machine;
  readonly servers: ServerHost[];

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
      const header = packet[0]! >> 4 === 6 ? 40 : 20;
      const port = (packet[header]! << 8) | packet[header + 1]!;
      this.switch.arrive(packet, new Uint8Array(10), flowOf(sourceOf(packet), port));
    };
    for (const server of this.servers) this.connect(server);
  }

  start(): void {
    this.switch.start();
    for (const { agent, link } of this.servers) {
      agent.start();
      link!.start();
    }
  }

  agentConfig(number: number): Config {
    const raw = configSchema.parse({
      name: `server${number}`,
      roles: ['agent'],
      workers: this.options.workers,
      insecure: true,
      agent: {
        listen: `10.80.${10 + number}.2:7080`,
        handoff: [`10.81.${number}.0/24`, `fd81:${number}::/64`],
        service: [`10.82.${number}.0/24`, `fd82:${number}::/64`],
        connections: this.options.connections,
      },
      timing: this.options.timing,
    });
    return resolveConfig('/simulation.yaml', raw);
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

  private switchConfig(): Config {
    const { options } = this;
    const servers = Array.from({ length: options.servers }, (_, i) => ({
      name: `server${i + 1}`,
      agent: `10.80.${11 + i}.2:7080`,
      port: options.serverPort,
    }));
    const raw = configSchema.parse({
      name: 'switch',
      roles: ['switch'],
      workers: options.workers,
      insecure: true,
      switch: {
        table: options.table,
        connections: options.connections,
        key: KEY,
        heldBytes: options.heldBytes,
      },
      servers,
      pools: [{ name: 'all', servers: servers.map(({ name }) => name), policy: options.policy }],
      services: [{ name: 'web', vip: [VIP4, VIP6], port: 80, pool: 'all' }],
      timing: options.timing,
    });
    return resolveConfig('/simulation.yaml', raw);
  }

  private makeSwitch(): Machine {
    const { world, options } = this;
    const config = this.switchConfig();
    const random = world.random.fork();
    const run = random.next();
    const services = config.services[0]!.vip.map((address) => ({
      address,
      port: 80,
      window: options.window,
    }));
    const machine: Machine = new Machine({
      name: 'switch',
      index: this.place.index,
      clock: world.clock,
      random,
      module: world.module,
      map: {
        ...this.sizes(),
        role: 'switch',
        services,
        gatherTimeoutMs: config.timing.gatherTimeoutMs,
      },
      makePlane: (core) =>
        new WebSwitch({ core, config, run, random: () => random.fraction(), hostName: 'switch' }),
      transmit: (packet) => this.fromSwitch(packet),
      send: (to, message) => this.sendTo(to, message),
      beforePass: () => {},
      workerDelayMs: options.workerDelayMs,
      controlDelayMs: options.controlDelayMs,
      isSteeringLoose: options.isSteeringLoose,
      report: (problem) => world.monitor.problems.push(problem),
    });
    const keys = (): void => {
      const wallMs = WALL_START_MS + world.clock.nowMs;
      writeCookieKeys(machine.core, config.switch!.key, wallMs);
      world.clock.after(COOKIE_EPOCH_MS - (wallMs % COOKIE_EPOCH_MS), keys);
    };
    keys();
    return machine;
  }

  private fromSwitch(packet: Uint8Array): void {
    const destination = destinationOf(packet);
    const isHandoff = destination.length === 4 && destination[0] === 10 && destination[1] === 81;
    if (isHandoff) this.world.monitor.departs(packet);
    this.world.network.send(this.place, packet);
  }

  private sendTo(to: string, message: Message): void {
    const link = this.servers.find(({ name }) => name === to)?.link;
    if (link?.send(link.dialer, message)) this.world.monitor.fromSwitch(to, message);
  }

  private connect(server: ServerHost): void {
    const { world, options } = this;
    const { monitor } = world;
    const webSwitch = this.switch;
    const dialer: ChannelHost = {
      name: 'switch',
      index: webSwitch.index,
      isRunning: () => webSwitch.isRunning(),
      hello: () => webSwitch.hello(server.name),
      up: (peer, hello) => webSwitch.up(peer, hello),
      down: (peer) => webSwitch.down(peer),
      message: (peer, message) => {
        monitor.toSwitch(peer, message);
        webSwitch.message(peer, message);
      },
    };
    const hosts = { dialer, listener: server.channelHost };
    const random = world.random.fork();
    const link = new ControlLink(world.clock, random, world.trace, hosts, options.channelDelayMs);
    server.link = link;
  }
}

function flowOf(client: Uint8Array, port: number): number {
  let hash = port;
  for (const byte of client) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
