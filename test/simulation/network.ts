import type { Random } from '../../src/lab/random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** One host's cable, both directions; probabilities per packet. */
export interface Link {
  delayMs: number;
  /** up to this much more, without changing the order */
  jitterMs: number;
  loss: number;
  duplication: number;
  /** a reordered packet overtakes, or is overtaken by, what follows within the jitter + 2 ms */
  reordering: number;
  /** a copy turns up once more, up to `staleMs` later */
  staleness: number;
}

export const PERFECT: Link = {
  delayMs: 0.1,
  jitterMs: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
  staleness: 0,
};

/** A prefix in network order, its length in bits, and the host it leads to. */
interface Route {
  prefix: Uint8Array;
  bits: number;
  host: Host;
}

/** A host's place in the network. */
export interface Host {
  readonly name: string;
  readonly index: number;
  link: Link;
  isUp: boolean;
  receive: (packet: Uint8Array) => void;
}

/** Reads "10.81.1.0/24" or an IPv6 prefix written in full words ("fd81:1:0:0:0:0:0:0/64"). */
export function parsePrefix(text: string): { prefix: Uint8Array; bits: number } {
  const [address = '', bits = ''] = text.split('/');
  const prefix = parseAddress(address);
  return { prefix, bits: bits === '' ? prefix.length * 8 : Number(bits) };
}

export function parseAddress(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number));
  const [left = '', right] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const head = words(left);
  const tail = right === undefined ? [] : words(right);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  const all = [...head, ...zeros, ...tail];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

/** Destination address of an IP packet, a view. */
export function destinationOf(packet: Uint8Array): Uint8Array {
  return packet[0]! >> 4 === 6 ? packet.subarray(24, 40) : packet.subarray(16, 20);
}

export function sourceOf(packet: Uint8Array): Uint8Array {
  return packet[0]! >> 4 === 6 ? packet.subarray(8, 24) : packet.subarray(12, 16);
}

/** Decides which worker a connection's packets come to: from a client's packet. */
export function flowFrom(packet: Uint8Array): number {
  return flowOf(sourceOf(packet), portIn(packet, 0));
}

/** From a packet to a client. */
export function flowTo(packet: Uint8Array): number {
  return flowOf(destinationOf(packet), portIn(packet, 2));
}

/** `at`: where in the TCP header. */
function portIn(packet: Uint8Array, at: number): number {
  const header = packet[0]! >> 4 === 6 ? 40 : 20;
  return (packet[header + at]! << 8) | packet[header + at + 1]!;
}

function flowOf(client: Uint8Array, port: number): number {
  let hash = port;
  for (const byte of client) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

export function isInPrefix(address: Uint8Array, prefix: Uint8Array, bits: number): boolean {
  if (address.length !== prefix.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix[i]) return false;
  const rest = bits & 7;
  return rest === 0 || address[whole]! >> (8 - rest) === prefix[whole]! >> (8 - rest);
}

/**
 * Hosts around one router. Every packet is a copy of its own: who receives it may keep or change
 * it.
 */
export class Network {
  /** the router's choice among several hosts for one prefix */
  spread: (host: Host, packet: Uint8Array) => Host = (host) => host;
  /** how long the network keeps a packet: less than any linger */
  staleMs = 1900;
  private purges = 0;
  lost = 0;
  unrouted = 0;
  private readonly clock: Scheduler;
  private readonly random: Random;
  private readonly trace: Trace;
  private readonly hosts: Host[] = [];
  private readonly routes: Route[] = [];
  /** latest arrival between two hosts, for the order */
  private readonly arrivals = new Map<number, number>();

  constructor(clock: Scheduler, random: Random, trace: Trace) {
    this.clock = clock;
    this.random = random;
    this.trace = trace;
  }

  attach(name: string, link: Link): Host {
    const host: Host = {
      name,
      index: this.hosts.length,
      link,
      isUp: true,
      receive: () => {},
    };
    this.hosts.push(host);
    return host;
  }

  /** By index. */
  get names(): string[] {
    return this.hosts.map(({ name }) => name);
  }

  /** The longest prefix wins. */
  route(text: string, host: Host): void {
    this.routes.push({ ...parsePrefix(text), host });
    this.routes.sort((a, b) => b.bits - a.bits);
  }

  send(from: Host, packet: Uint8Array): void {
    const destination = destinationOf(packet);
    const route = this.routes.find(({ prefix, bits }) => isInPrefix(destination, prefix, bits));
    if (!route) {
      this.unrouted += 1;
      return;
    }
    const host = this.spread(route.host, packet);
    const { random } = this;
    if (!from.isUp || random.chance(from.link.loss) || random.chance(host.link.loss)) {
      this.lost += 1;
      return;
    }
    this.deliver(from, host, packet.slice());
    if (random.chance(from.link.duplication) || random.chance(host.link.duplication)) {
      this.deliver(from, host, packet.slice());
    }
    if (random.chance(from.link.staleness) || random.chance(host.link.staleness)) {
      const { purges } = this;
      this.clock.after(this.staleMs * random.fraction(), () => {
        if (purges === this.purges) this.deliver(from, host, packet.slice());
      });
    }
  }

  /** Copies that are still kept never turn up. */
  purge(): void {
    this.purges += 1;
  }

  private deliver(from: Host, host: Host, packet: Uint8Array): void {
    const { clock, random } = this;
    const jitter = from.link.jitterMs + host.link.jitterMs;
    let atMs = clock.nowMs + from.link.delayMs + host.link.delayMs + jitter * random.fraction();
    if (random.chance(from.link.reordering + host.link.reordering)) {
      atMs += (jitter + 2) * random.fraction();
    } else {
      const pair = from.index * 256 + host.index;
      atMs = Math.max(atMs, this.arrivals.get(pair) ?? 0);
      this.arrivals.set(pair, atMs);
    }
    clock.at(atMs, () => {
      if (!host.isUp) {
        this.lost += 1;
        return;
      }
      this.trace.delivery(clock.nowMs, host.index, packet);
      host.receive(packet);
    });
  }
}
