import { LEASE_SIZE, HEADER_LEASE_BASE } from '../../assembly/layout.ts';
import { Agent } from '../../src/agent/agent.ts';
import type { Random } from '../../src/lab/random.ts';
import type { Cluster } from './cluster.ts';
import { agentConfig } from './configs.ts';
import type { ChannelHost, ControlLink } from './control-link.ts';
import { DistributorHost } from './distributor-host.ts';
import { Machine, makePartial } from './machine.ts';
import { destinationOf, flowFrom, flowTo, isInPrefix, parsePrefix } from './network.ts';
import { sourceOf, type Host } from './network.ts';
import { Kernel } from './tcp/kernel.ts';

/** Receivers in the trace, besides the hosts of the network. */
export const AT_AGENT = 100;
export const TO_KERNEL = 200;
export const FROM_KERNEL = 300;

/** One server's host: kernel, web application's place, agent. */
export class ServerHost {
  readonly name: string;
  readonly place: Host;
  readonly kernel: Kernel;
  agent: Machine;
  /** stays the same over restarts */
  readonly channelHost: ChannelHost;
  link: ControlLink | undefined;
  readonly distributor: DistributorHost | undefined;
  /** from the distributors that give it connections, by name */
  readonly givers = new Map<string, ControlLink>();
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
      isPaused: () => this.agent.isPaused(),
      hello: () => this.agent.hello(),
      up: (peer, hello) => this.forBoth(peer, (machine) => machine.up(peer, hello)),
      down: (peer) => this.forBoth(peer, (machine) => machine.down(peer)),
      message: (peer, message) => this.forBoth(peer, (machine) => machine.message(peer, message)),
    };
    if (cluster.isCoLocated) this.distributor = new DistributorHost(cluster, this, number);
  }

  /** What the switch in front says is for the agent and for the distributor. */
  private forBoth(peer: string, tell: (machine: Machine) => void): void {
    tell(this.agent);
    if (peer === 'switch' && this.distributor) tell(this.distributor.machine);
  }

  isForAgent(packet: Uint8Array): boolean {
    const destination = destinationOf(packet);
    return this.handoff.some(({ prefix, bits }) => isInPrefix(destination, prefix, bits));
  }

  arrive(packet: Uint8Array): void {
    this.agent.arrive(packet, new Uint8Array(10), flowFrom(packet));
  }

  /** The agent's process is killed; its device goes with it. */
  crash(): void {
    this.agent.crash();
    this.crashes += 1;
    for (const link of [this.link!, ...this.givers.values()]) link.crashed(this.channelHost);
  }

  /** Its link is down: nothing reaches it, nothing of it reaches anybody; the host itself goes on. */
  cutOff(): void {
    this.place.isUp = false;
    this.link!.cut();
  }

  reconnect(): void {
    this.place.isUp = true;
    this.link!.heal();
  }

  /** The agent's process is stopped by a signal; the server itself goes on. */
  pause(): void {
    this.agent.pause();
  }

  resume(): void {
    if (!this.agent.isPaused()) return;
    this.agent.resume();
    for (const link of [this.link!, ...this.givers.values()]) link.resumed(this.channelHost);
  }

  restart(): void {
    this.agent = this.makeAgent();
    this.agent.start();
  }

  private makeAgent(): Machine {
    const { world, options } = this.cluster;
    const config = agentConfig(this.number, options);
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
        new Agent({
          core,
          config,
          run,
          random: () => random.fraction(),
          hostName: this.name,
          leaseDeadlineMs: (peer) => {
            return (this.givers.get(peer) ?? this.link!).leaseDeadlineMs(this.channelHost);
          },
        }),
      transmit: (packet) => this.fromAgent(machine, packet),
      send: (to, message) => {
        world.monitor.fromAgent(this, message);
        (this.givers.get(to) ?? this.link!).send(this.channelHost, message);
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
    for (const [name, link] of [['switch', this.link!] as const, ...this.givers]) {
      const lease = (this.agent.plane as unknown as Agent).leaseOf(name);
      if (lease === null) continue;
      const at = view.getUint32(HEADER_LEASE_BASE, true) + lease * LEASE_SIZE;
      view.setFloat64(at, link.leaseDeadlineMs(this.channelHost), true);
    }
  }

  private fromNetwork(packet: Uint8Array): void {
    if (this.distributor?.takes(packet)) return;
    if (this.isForAgent(packet)) this.arrive(packet);
  }

  /** `ip rule from SERVICE` leads what the server answers into the agent's device. */
  private fromKernel(packet: Uint8Array): void {
    const source = sourceOf(packet);
    if (!this.service.some(({ prefix, bits }) => isInPrefix(source, prefix, bits))) return;
    if (this.random.chance(this.cluster.options.deviceLoss)) return;
    const { clock, trace } = this.cluster.world;
    trace.delivery(clock.nowMs, FROM_KERNEL + this.number, packet);
    const isPartial = this.cluster.options.hasPartialChecksums;
    const vnet = isPartial ? makePartial(packet) : new Uint8Array(10);
    this.agent.arrive(packet, vnet, flowTo(packet));
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
      world.monitor.toClient(this.name, packet);
      world.network.send(this.place, packet);
    }
  }
}
