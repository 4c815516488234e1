// Requests cut, mixed, repeated and lied about, against the ten-line version of what an endpoint keeps.
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Handoff } from '../../src/channel/messages.ts';
import type { Random } from '../support/random.ts';
import { Client } from '../unit/control/client.ts';
import { Rig, testConfig } from '../unit/control/rig.ts';

const POOLS = ['web', 'admin', 'img'];
const FAR = 4_000_000;
/** More pieces beyond holes than these are not kept: the connection is reset. */
const HOLES = 32;

/** Twenty requests: short and long, with and without a body. */
export const REQUESTS: string[] = [
  '/',
  '/a',
  '/admin',
  '/admin/x?y=1',
  '/img/a.png',
  '/img/',
  '/adm',
  '/long/'.padEnd(900, 'x'),
  '/admin/'.padEnd(1500, 'y'),
  '/img/'.padEnd(5000, 'z'),
].flatMap((path) => [
  `GET ${path} HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n`,
  `POST ${path} HTTP/1.1\r\nHost: web.example\r\nX: ${path.length}\r\nContent-Length: 5\r\n\r\nhello`,
]);

/** A switch with a server for each pool. */
export async function makeRig(): Promise<Rig> {
  const base = testConfig(POOLS.length);
  const pool = base.pools[0]!;
  const pools = POOLS.map((name, index) => ({ ...pool, name, servers: [`server${index + 1}`] }));
  const rules = [
    { match: { path: '/admin*' }, pool: 'admin' },
    { match: { path: '/img/*' }, pool: 'img' },
  ];
  const services = [{ ...base.services[0]!, pool: 'web', rules }];
  const rig = await Rig.make(testConfig(POOLS.length, { pools, services }));
  POOLS.forEach((_, index) => rig.up(index + 1));
  return rig;
}

function poolOfText(text: string): string {
  const path = text.split(' ')[1] ?? '';
  if (path.startsWith('/admin')) return 'admin';
  return path.startsWith('/img/') ? 'img' : 'web';
}

/** What an endpoint has: the first copy of each byte. */
class Kept {
  readonly bytes: number[] = [];

  add(at: number, bytes: Uint8Array): void {
    bytes.forEach((byte, offset) => (this.bytes[at + offset] ??= byte));
  }

  /** How many pieces lie beyond the first hole. */
  get pieces(): number {
    const { bytes } = this;
    let count = 0;
    for (let at = 1; at < bytes.length; at += 1) {
      if (bytes[at] !== undefined && bytes[at - 1] === undefined) count += 1;
    }
    return count;
  }

  get inOrder(): string {
    let end = 0;
    while (this.bytes[end] !== undefined) end += 1;
    return String.fromCharCode(...this.bytes.slice(0, end));
  }
}

export interface Outcome {
  handed: boolean;
  refused: 'reset' | 'status' | undefined;
  problem: string | undefined;
}

/** One connection: the request arrives somehow, with lies in between. */
export class Round {
  private readonly rig: Rig;
  private readonly random: Random;
  private readonly client: Client;
  private readonly kept = new Kept();
  private handoff: { message: Handoff; to: string; text: string } | undefined;
  private refused: 'reset' | 'status' | undefined;
  private lies = 0;
  /** what was sent, in order */
  readonly trace: string[] = [];

  constructor(rig: Rig, random: Random, port: number) {
    this.rig = rig;
    this.random = random;
    this.client = new Client(rig, { port, isn: random.next(), options: random.chance(0.7) });
  }

  run(request: string): Outcome {
    const { random, client } = this;
    const bytes = new TextEncoder().encode(request);
    client.open(random.chance(0.7));
    const parts = this.cut(bytes.length);
    // the first segment proves the handshake only when it is the first of the stream
    if (client.state() === 0) this.deliver(0, bytes.subarray(0, parts[0]![1]));
    for (const [from, to] of this.order(parts)) {
      if (this.handoff || this.refused) break;
      if (random.chance(0.4)) this.lie(bytes.length);
      if (random.chance(0.1)) this.overlap(bytes.length);
      this.deliver(from, bytes.subarray(from, to), to === bytes.length && random.chance(0.2));
    }
    // whatever came so far, an honest client repeats all of it
    if (!this.handoff && !this.refused) {
      for (let at = 0; at < bytes.length; at += 1400)
        this.deliver(at, bytes.subarray(at, at + 1400));
    }
    return {
      handed: this.handoff !== undefined,
      refused: this.refused,
      problem: this.problem(request),
    };
  }

  private cut(length: number): [number, number][] {
    const { random } = this;
    const parts: [number, number][] = [];
    const most = random.pick([1, 3, 20, 200, 1400]);
    for (let at = 0; at < length;) {
      const to = Math.min(length, at + 1 + random.below(Math.max(most, length >> 6)));
      parts.push([at, to]);
      at = to;
    }
    return parts;
  }

  private order(parts: [number, number][]): [number, number][] {
    const { random } = this;
    const order = parts.flatMap((part) => (random.chance(0.1) ? [part, part] : [part]));
    if (random.chance(0.5)) return order;
    for (let at = order.length - 1; at > 0; at -= 1) {
      const other = Math.max(0, at - random.below(8));
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    return order;
  }

  private sequence(at: number): number {
    return (this.client.isn + 1 + at) >>> 0;
  }

  private deliver(at: number, payload: Uint8Array, fin = false): void {
    if (this.handoff || this.refused) return;
    this.trace.push(
      `${at}+${payload.length}${fin ? ' FIN' : ''}${payload[0] === 0x2a ? ' *' : ''}`,
    );
    this.kept.add(at, payload);
    const flags = TCP_ACK | (fin ? TCP_FIN : 0);
    this.client.flag(flags, { sequence: this.sequence(at), payload });
    this.look();
  }

  /** Acceptable bytes that differ from the request's: whichever came first counts. */
  private overlap(length: number): void {
    const from = this.random.below(length);
    const size = 1 + this.random.below(12);
    const other = Uint8Array.from({ length: Math.min(size, length - from) }, () => 0x2a);
    this.deliver(from, other);
  }

  /** Segments that no endpoint takes. */
  private lie(length: number): void {
    const { random, client } = this;
    const payload = new TextEncoder().encode('/admin');
    const sequence = this.sequence(random.below(length));
    const beyond = this.sequence(length + 10);
    this.lies += 1;
    const kind = random.below(client.options ? 8 : 7);
    this.trace.push(`lie ${kind}`);
    if (kind === 0) client.flag(TCP_RST, { sequence: beyond });
    else if (kind === 1) client.flag(TCP_RST, { sequence: this.sequence(FAR) });
    else if (kind === 2) client.flag(TCP_SYN, { sequence: beyond });
    else if (kind === 3) client.flag(0, { sequence, payload });
    else if (kind === 4) client.flag(TCP_ACK, { sequence: this.sequence(FAR), payload });
    else if (kind === 5) {
      client.flag(TCP_ACK, { sequence, payload, acknowledgment: client.ack + 100_000 });
    } else if (kind === 6) {
      const packet = client.packet({ flags: TCP_ACK, sequence, payload });
      packet[packet.length - 1]! ^= 1;
      this.rig.deliver(packet);
    } else {
      const timestamps = { value: client.tsval - 100, echo: client.echo };
      client.flag(TCP_ACK, { sequence, payload, options: { timestamps } });
    }
    this.look();
  }

  private look(): void {
    const { rig } = this;
    const found = rig.messages.find(({ message }) => message.type === 'handoff');
    if (found && !this.handoff) {
      const message = found.message as Handoff;
      this.handoff = { message, to: found.to, text: Buffer.from(message.bytes).toString('latin1') };
    }
    const text = (payload: Uint8Array) => Buffer.from(payload.subarray(0, 12)).toString('latin1');
    for (const { payload, flags } of rig.take()) {
      if ((flags & TCP_RST) !== 0) this.refused ??= 'reset';
      if (text(payload).startsWith('HTTP/1.1 4')) this.refused ??= 'status';
    }
    rig.messages = [];
  }

  private problem(request: string): string | undefined {
    const { handoff, refused, kept, lies } = this;
    if (refused === 'reset' && kept.pieces < HOLES) {
      return `${this.trace.join(', ')}: reset with ${kept.pieces} pieces beyond a hole`;
    }
    if (refused === 'status' && request.startsWith(kept.inOrder)) {
      return `${this.trace.join(', ')}: refused ${JSON.stringify(kept.inOrder)}`;
    }
    if (!handoff) {
      // an overlap may have taken the head's end away: then nothing is to be said
      const isWhole = kept.inOrder.includes('\r\n\r\n');
      return refused || !isWhole ? undefined : `neither handed nor refused after ${lies} lies`;
    }
    const { text, to } = handoff;
    if (text !== kept.inOrder)
      return `${this.trace.join(', ')}: handed ${JSON.stringify(text)}, kept ${kept.inOrder}`;
    const pool = POOLS[Number(to.slice('server'.length)) - 1];
    return pool === poolOfText(text) ? undefined : `${JSON.stringify(text)} went to ${pool}`;
  }
}
