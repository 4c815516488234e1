// Requests cut, mixed, repeated and lied about, against the ten-line version of what an endpoint keeps.
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Handoff } from '../../src/channel/messages.ts';
import type { Random } from '../../src/lab/random.ts';
import { cut, HOLES, Kept, mix, POOLS, poolOfText } from './pieces.ts';
import { Client } from '../unit/control/client.ts';
import { Rig, testConfig } from '../unit/control/rig.ts';

const FAR = 4_000_000;

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
    const parts = cut(random, bytes.length);
    // the first segment proves the handshake only when it is the first of the stream
    if (client.state() === 0) this.deliver(0, bytes.subarray(0, parts[0]![1]));
    for (const [from, to] of mix(random, parts)) {
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
