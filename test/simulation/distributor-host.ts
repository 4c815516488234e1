import type { Message } from '../../src/channel/messages.ts';
import type { Cluster } from './cluster.ts';
import { arrivalPrefixes, distributorConfig } from './configs.ts';
import { ControlLink, type ChannelHost } from './control-link.ts';
import type { Machine } from './machine.ts';
import { destinationOf, flowFrom, isInPrefix, parsePrefix } from './network.ts';
import type { ServerHost } from './server-host.ts';

/** Receivers in the trace. */
const AT_DISTRIBUTOR = 400;

/** The distributor on a server's host, behind a switch that reads nothing. */
export class DistributorHost {
  readonly machine: Machine;
  readonly channelHost: ChannelHost;
  /** to each server's agent, this host's own among them, by name */
  readonly links = new Map<string, ControlLink>();
  private readonly cluster: Cluster;
  private readonly host: ServerHost;
  private readonly arrival: ReturnType<typeof parsePrefix>[];

  constructor(cluster: Cluster, host: ServerHost, number: number) {
    this.cluster = cluster;
    this.host = host;
    this.arrival = arrivalPrefixes(number).map(parsePrefix);
    const config = distributorConfig(number, cluster.options);
    this.machine = cluster.makeMachine(`distributor${number}`, config, host.place, {
      transmit: (packet) => this.transmit(packet),
      send: (to, message) => this.send(to, message),
    });
    this.channelHost = {
      name: host.name,
      index: AT_DISTRIBUTOR + number,
      isRunning: () => this.machine.isRunning(),
      hello: () => this.machine.hello(host.name),
      up: (peer, hello) => this.machine.up(peer, hello),
      down: (peer) => this.machine.down(peer),
      message: (peer, message) => {
        cluster.world.monitor.toSwitch(peer, message);
        this.machine.message(peer, message);
      },
    };
  }

  /** Takes a packet that came for it; false = it is not. */
  takes(packet: Uint8Array): boolean {
    const destination = destinationOf(packet);
    const isMine = this.arrival.some(({ prefix, bits }) => isInPrefix(destination, prefix, bits));
    if (!isMine) return false;
    this.machine.arrive(packet, new Uint8Array(10), flowFrom(packet));
    return true;
  }

  /** What goes to this host's own agent never leaves the host. */
  private transmit(packet: Uint8Array): void {
    const { world } = this.cluster;
    const copy = packet.slice();
    if (!this.host.isForAgent(copy)) world.network.send(this.host.place, packet);
    else world.clock.after(0.01, () => this.host.arrive(copy));
  }

  private send(to: string, message: Message): void {
    const { host } = this;
    if (to === 'switch') {
      this.cluster.world.monitor.toFront(host.name, message);
      return void host.link!.send(host.channelHost, message);
    }
    if (this.cluster.toDispatcher(host.name, to, message)) return;
    const link = this.links.get(to);
    if (link?.send(this.channelHost, message)) {
      this.cluster.world.monitor.fromSwitch(to, message);
    }
  }
}

/** The channel by which one host's distributor hands connections to an agent. */
export function connectHosts(cluster: Cluster, from: ServerHost, to: ServerHost): void {
  const { clock, random, trace } = cluster.world;
  const hosts = { dialer: from.distributor!.channelHost, listener: to.channelHost };
  // within a host it is a call
  const delayMs = from === to ? 0.001 : cluster.options.channelDelayMs;
  const link = new ControlLink(clock, random.fork(), trace, hosts, delayMs);
  from.distributor!.links.set(to.name, link);
  to.givers.set(from.name, link);
}
