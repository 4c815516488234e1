import type { Message } from '../../src/channel/messages.ts';
import type { Cluster } from './cluster.ts';
import { switchConfig, vipsOf } from './configs.ts';
import { ControlLink, type ChannelHost } from './control-link.ts';
import type { Machine } from './machine.ts';
import { flowFrom, type Host } from './network.ts';
import type { ServerHost } from './server-host.ts';

export const SECOND = 'switch2';
/** The router asks that often whether both are there. */
const NOTICE_MS = 300;

/**
 * Another active switch. In a group the router spreads flows over both: by a hash that changes, so that
 * connections come to the other one in the middle of everything. Else it has VIPs of its own.
 */
export class SecondSwitch {
  machine: Machine;
  readonly place: Host;
  /** of a group: to the first switch, which dials */
  readonly link: ControlLink | undefined;
  readonly links = new Map<string, ControlLink>();
  readonly #cluster: Cluster;
  #salt = 0;
  #isRouted = [true, true];

  constructor(cluster: Cluster) {
    const { world, options } = cluster;
    this.#cluster = cluster;
    this.place = world.network.attach(SECOND, options.switchLink);
    this.machine = this.#make();
    this.place.receive = (packet) => {
      world.monitor.stamp(packet);
      this.machine.arrive(packet, new Uint8Array(10), flowFrom(packet));
    };
    for (const server of cluster.servers) this.#connect(server);
    if (options.placement !== 'group') {
      for (const vip of vipsOf(SECOND, options)) world.network.route(vip, this.place);
      return;
    }
    const hosts = { dialer: cluster.switchHost(SECOND), listener: this.host('switch') };
    const random = world.random.fork();
    this.link = new ControlLink(world.clock, random, world.trace, hosts, options.channelDelayMs);
    world.network.spread = (host, packet) => this.#spread(host, packet);
    this.#reshuffle();
    this.#watch();
  }

  start(): void {
    this.machine.start();
    this.link?.start();
    for (const link of this.links.values()) link.start();
  }

  /** As the first one's in the cluster. */
  crash(): void {
    if (!this.machine.isRunning()) return;
    this.machine.crash();
    this.#cluster.world.network.purge();
    this.link?.crashed(this.link.listener);
    for (const link of this.links.values()) link.crashed(link.dialer);
  }

  restart(): void {
    if (this.machine.isRunning()) return;
    this.machine = this.#make();
    this.machine.start();
    for (const link of this.links.values()) link.dialNow();
  }

  pause(): void {
    this.machine.pause();
  }

  resume(): void {
    if (!this.machine.isPaused()) return;
    this.machine.resume();
    this.link?.resumed(this.link.listener);
    for (const link of this.links.values()) link.resumed(link.dialer);
  }

  #make(): Machine {
    const cluster = this.#cluster;
    return cluster.makeMachine(SECOND, switchConfig(cluster.options, SECOND), this.place, {
      transmit: (packet) => cluster.fromSwitch(packet, this.place),
      send: (to, message) => this.#send(to, message),
    });
  }

  /** The router takes a while to see that one of the two is gone, or is back. */
  #watch(): void {
    const { clock } = this.#cluster.world;
    const isThere = [this.#cluster.switch, this.machine].map((one) => one.isRunning());
    clock.after(NOTICE_MS, () => {
      this.#isRouted = isThere;
      this.#watch();
    });
  }

  #spread(host: Host, packet: Uint8Array): Host {
    if (host !== this.#cluster.place) return host;
    const [first, second] = this.#isRouted;
    if (!first || !second) return first ? host : this.place;
    const hash = Math.imul(flowFrom(packet) ^ this.#salt, 0x85ebca6b);
    return (hash >>> 24) % 2 === 0 ? host : this.place;
  }

  #reshuffle(): void {
    const { clock, random } = this.#cluster.world;
    this.#salt = random.next();
    clock.after(random.pick([30, 200, 700, 2000]), () => this.#reshuffle());
  }

  /** Its side of a channel. */
  host(peer: string): ChannelHost {
    return {
      name: SECOND,
      index: this.place.index,
      isRunning: () => this.machine.isRunning(),
      isPaused: () => this.machine.isPaused(),
      hello: () => this.machine.hello(peer),
      up: (from, hello) => this.machine.up(from, hello),
      down: (from) => this.machine.down(from),
      message: (from, message) => {
        this.#cluster.world.monitor.toSwitch(from, message);
        this.machine.message(from, message);
      },
    };
  }

  #connect(server: ServerHost): void {
    const { world, options } = this.#cluster;
    const hosts = { dialer: this.host(server.name), listener: server.channelHost };
    const random = world.random.fork();
    const link = new ControlLink(world.clock, random, world.trace, hosts, options.channelDelayMs);
    this.links.set(server.name, link);
    server.givers.set(SECOND, link);
  }

  #send(to: string, message: Message): void {
    if (to === 'switch') return void this.link!.send(this.link!.listener, message);
    if (this.#cluster.toDispatcher(SECOND, to, message)) return;
    const link = this.links.get(to);
    if (link?.send(link.dialer, message)) this.#cluster.world.monitor.fromSwitch(to, message);
  }
}
