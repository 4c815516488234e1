import { WIRE_NO_SERVER, viewOf } from '../../src/channel/dispatch-messages.ts';
import type { Dispatch, Dispatched } from '../../src/channel/dispatch-messages.ts';
import type { Message } from '../../src/channel/messages.ts';
import * as wire from '../../src/channel/wire.ts';
import { DispatcherPlane } from '../../src/control/dispatcher/dispatcher-plane.ts';
import type { PlaneEvent } from '../../src/event.ts';
import type { Cluster } from './cluster.ts';
import { dispatcherName, switchConfig } from './configs.ts';
import { ControlLink, type ChannelHost } from './control-link.ts';

/** Receivers in the trace. */
const AT_DISPATCHER = 500;

/**
 * A dispatcher on a host of its own, for all distributors. It watches what they tell each other: one batch
 * is outstanding at most, and nobody is sent to a server that must not be chosen.
 */
export class DispatcherHost {
  readonly name: string;
  readonly channelHost: ChannelHost;
  /** from the distributors, by name */
  readonly links = new Map<string, ControlLink>();
  /** its answers are late by that */
  slowMs = 0;
  readonly #cluster: Cluster;
  readonly #number: number;
  /** by distributor: the batch that it waits for */
  readonly #outstanding = new Map<string, Dispatch>();
  /** undefined: its process is dead */
  #plane: DispatcherPlane | undefined;
  #sentMs = 0;

  constructor(cluster: Cluster, number: number) {
    this.#cluster = cluster;
    this.#number = number;
    this.name = dispatcherName(number);
    this.#plane = this.#makePlane();
    this.channelHost = {
      name: this.name,
      index: AT_DISPATCHER + number,
      isRunning: () => this.#plane !== undefined,
      hello: () => {
        throw new Error('a dispatcher dials nobody');
      },
      up: (peer, hello) => this.#receive({ kind: 'channel-up', peer, hello }),
      down: (peer) => this.#receive({ kind: 'channel-down', peer }),
      message: (from, message) => this.#receive({ kind: 'message', from, message }),
    };
  }

  /** The distributor dials. */
  connect(distributor: ChannelHost, name: string): void {
    const { clock, random, trace } = this.#cluster.world;
    const dialer = this.#watched(distributor, name);
    const hosts = { dialer, listener: this.channelHost };
    const { channelDelayMs } = this.#cluster.options;
    this.links.set(name, new ControlLink(clock, random.fork(), trace, hosts, channelDelayMs));
  }

  start(): void {
    for (const link of this.links.values()) link.start();
  }

  send(from: string, message: Message): void {
    const link = this.links.get(from)!;
    if (message.type === 'dispatch') this.#asked(from, message);
    link.send(link.dialer, message);
  }

  crash(): void {
    this.#plane = undefined;
    for (const link of this.links.values()) link.crashed(this.channelHost);
  }

  restart(): void {
    this.#plane ??= this.#makePlane();
  }

  cut(): void {
    for (const link of this.links.values()) link.cut();
  }

  heal(): void {
    for (const link of this.links.values()) link.heal();
  }

  /** Connections that it still counts: none when all are over. */
  mistakes(): string[] {
    const { servers = [], distributors = [] } = this.#plane?.stats() ?? {};
    return [...servers, ...distributors]
      .filter(({ active }) => active !== 0)
      .map(({ name, active }) => `${this.name} counts ${active} connections of ${name} at the end`);
  }

  #makePlane(): DispatcherPlane {
    const { world, options } = this.#cluster;
    const random = world.random.fork();
    const config = { ...switchConfig(options), name: this.name };
    return new DispatcherPlane({ config, run: this.#number, random: () => random.fraction() });
  }

  #receive(event: PlaneEvent): void {
    const { clock } = this.#cluster.world;
    const plane = this.#plane!;
    const { messages } = plane.receive(event, clock.nowMs);
    for (const { to, message } of messages) {
      if (event.kind === 'message' && event.message.type === 'dispatch') {
        this.#check(event.message, message);
      }
      if (message.type === 'hello') this.#reply(to, message);
      else this.#replyLater(plane, to, message);
    }
  }

  #replyLater(plane: DispatcherPlane, to: string, message: Message): void {
    const { clock } = this.#cluster.world;
    this.#sentMs = Math.max(this.#sentMs, clock.nowMs + this.slowMs);
    clock.at(this.#sentMs, () => {
      if (plane === this.#plane) this.#reply(to, message);
    });
  }

  #reply(to: string, message: Message): void {
    this.links.get(to)!.send(this.channelHost, message);
  }

  #watched(host: ChannelHost, name: string): ChannelHost {
    return {
      ...host,
      up: (peer, hello) => {
        this.#outstanding.delete(name);
        host.up(peer, hello);
      },
      down: (peer) => {
        this.#outstanding.delete(name);
        host.down(peer);
      },
      message: (peer, message) => {
        if (message.type === 'dispatched') this.#outstanding.delete(name);
        host.message(peer, message);
      },
    };
  }

  #asked(from: string, message: Dispatch): void {
    const before = this.#outstanding.get(from);
    if (before) this.#report(`${from} sent batch ${message.number} before the answer to another`);
    this.#outstanding.set(from, message);
  }

  /** Each request got one of the servers that it may go to. */
  #check(asked: Dispatch, message: Message): void {
    if (message.type !== 'dispatched') return;
    const count = asked.requests.length / wire.REQUEST_SIZE;
    if (message.servers.length !== count * 2) this.#report(`${count} requests were not answered`);
    for (let index = 0; index < count; index += 1) {
      if (!mayGetIt(asked, message, index)) {
        this.#report(`request ${index} of a batch was given to a server that may not be chosen`);
      }
    }
  }

  #report(problem: string): void {
    this.#cluster.world.monitor.problems.push(`${this.name}: ${problem}`);
  }
}

function mayGetIt(asked: Dispatch, { servers }: Dispatched, index: number): boolean {
  const server = viewOf(servers).getUint16(index * 2);
  if (server === WIRE_NO_SERVER) return true;
  const { requests, sets, setSize } = asked;
  const set = viewOf(requests).getUint16(index * wire.REQUEST_SIZE + wire.REQUEST_SET);
  return ((sets[set * setSize + (server >> 3)]! >> (server & 7)) & 1) === 1;
}
