// One connection through a lab: a request arrives somehow, the server says what it was asked.
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import type { Random } from '../../src/lab/random.ts';
import type { LabWire } from './lab-wire.ts';
import { cut, HOLES, Kept, mix, poolOfText } from './pieces.ts';
import { patched } from './reply.ts';
import type { Reply } from './reply.ts';

const VIP = Uint8Array.of(192, 0, 2, 80);
const SEGMENT = 1400;
const TRIES = 4;
const WAIT_MS = 400;
/** A server without a measured round trip repeats after 1 s or 3 s (RFC 6298, section 5.7). */
const REPEATED_MS = 8000;
const NO_ANSWER = 'no answer';
const FAR = 4_000_000;

export interface Sender {
  address: Uint8Array;
  port: number;
}

export interface LabOutcome {
  served: boolean;
  problem: string | undefined;
}

export class LabRound {
  private readonly wire: LabWire;
  private readonly random: Random;
  private readonly from: Sender;
  private readonly isn: number;
  private switchIsn: number | undefined;
  private readonly kept = new Kept();
  private readonly replies: Reply[] = [];
  readonly trace: string[] = [];

  constructor(wire: LabWire, random: Random, from: Sender) {
    this.wire = wire;
    this.random = random;
    this.from = from;
    this.isn = random.next();
  }

  async run(request: string, pools: Record<string, string>): Promise<LabOutcome> {
    const bytes = new TextEncoder().encode(request);
    for (let turn = 0; this.switchIsn === undefined && turn < TRIES; turn += 1) {
      this.send({ flags: TCP_SYN, sequence: this.isn, options: { mss: 1460 } });
      await this.listen(() => this.switchIsn !== undefined);
    }
    if (this.switchIsn === undefined) return { served: false, problem: 'no SYN-ACK' };
    this.send({ flags: TCP_ACK, sequence: this.sequence(0) });
    for (const [from, to] of mix(this.random, cut(this.random, bytes.length))) {
      if (this.hasHead) break;
      if (this.random.chance(0.3)) this.lie(bytes.length);
      if (this.random.chance(0.05)) this.overlap(bytes.length);
      this.data(from, bytes.subarray(from, to));
      if (this.random.chance(0.05)) await this.listen(() => true);
    }
    // then an honest client repeats all of it until it is answered
    for (let turn = 0; turn < TRIES && !this.isOver; turn += 1) {
      for (let at = 0; at < bytes.length; at += SEGMENT) {
        this.data(at, bytes.subarray(at, at + SEGMENT));
      }
      await this.listen(() => this.isOver);
    }
    // a reply may be lost on a machine without a free CPU: its server says it again
    if (this.problem(request, pools)?.startsWith(NO_ANSWER)) {
      await this.listen(() => this.isOver, REPEATED_MS);
    }
    const problem = this.problem(request, pools);
    this.send({ flags: TCP_RST, sequence: this.sequence(bytes.length) });
    const where = `${this.trace.join(', ')}: `;
    return { served: this.asked !== undefined, problem: problem && where + problem };
  }

  private get hasHead(): boolean {
    return this.kept.inOrder.includes('\r\n\r\n');
  }

  private sequence(at: number): number {
    return (this.isn + 1 + at) >>> 0;
  }

  private packet(parts: Partial<PacketParts> & { flags: number }): Uint8Array {
    return buildPacket({
      source: this.from.address,
      destination: VIP,
      sourcePort: this.from.port,
      destinationPort: 80,
      sequence: this.sequence(0),
      acknowledgment: this.switchIsn === undefined ? 0 : (this.switchIsn + 1) >>> 0,
      window: 64_240,
      ...parts,
    });
  }

  private send(parts: Partial<PacketParts> & { flags: number }): void {
    this.wire.send(this.packet(parts));
  }

  private data(at: number, payload: Uint8Array): void {
    this.trace.push(`${at}+${payload.length}${payload[0] === 0x2a ? ' *' : ''}`);
    if (!this.hasHead) this.kept.add(at, payload);
    this.send({ flags: TCP_ACK, sequence: this.sequence(at), payload });
  }

  /** Bytes that differ from the request's: whichever came first counts. */
  private overlap(length: number): void {
    const from = this.random.below(length);
    const size = Math.min(1 + this.random.below(12), length - from);
    this.data(from, new Uint8Array(size).fill(0x2a));
  }

  /** Segments that no endpoint takes. */
  private lie(length: number): void {
    const { random } = this;
    const payload = new TextEncoder().encode('/admin');
    const sequence = this.sequence(random.below(length));
    const kind = random.below(6);
    this.trace.push(`lie ${kind}`);
    if (kind === 0) this.send({ flags: TCP_RST, sequence: this.sequence(length + 10) });
    else if (kind === 1) this.send({ flags: TCP_RST, sequence: this.sequence(FAR) });
    else if (kind === 2) this.send({ flags: 0, sequence, payload });
    else if (kind === 3) this.send({ flags: TCP_ACK, sequence: this.sequence(FAR), payload });
    else if (kind === 4) {
      const acknowledgment = (this.switchIsn! + 100_000) >>> 0;
      this.send({ flags: TCP_ACK, sequence, payload, acknowledgment });
    } else {
      const acknowledgment = (this.switchIsn! + 1) >>> 0;
      this.wire.send(
        patched(this.packet({ flags: TCP_ACK, sequence, payload }), acknowledgment, true),
      );
    }
  }

  private async listen(until: () => boolean, ms = WAIT_MS): Promise<void> {
    const endMs = this.wire.nowMs() + ms;
    do {
      for (const reply of await this.wire.receive(10)) {
        if (reply.kind !== 'tcp' || reply.fromPort !== 80) continue;
        this.replies.push(reply);
        if (reply.flags.includes('S')) this.switchIsn ??= reply.seq;
      }
    } while (!until() && this.wire.nowMs() < endMs);
  }

  private get text(): string {
    const bytes: number[] = [];
    for (const { seq, data, flags } of this.replies) {
      const at = (seq - this.switchIsn! - 1) >>> 0;
      if (flags.includes('S') || at > 1 << 20) continue;
      data.forEach((byte, offset) => (bytes[at + offset] = byte));
    }
    return Array.from(bytes, (byte) => String.fromCharCode(byte ?? 0)).join('');
  }

  private get asked(): RegExpExecArray | undefined {
    // Apache says the whole line, the others what stood between its blanks
    const told = /server=([\w.-]+);.* host=([^;]*); (?:target=|request=\S+ )([^; ]*)/.exec(
      this.text,
    );
    return told ?? undefined;
  }

  private get isOver(): boolean {
    if (this.asked !== undefined) return true;
    const isReset = this.replies.some(({ flags }) => flags.includes('R'));
    return isReset || / [45]\d\d [^]*\r\n\r\n/.test(this.text);
  }

  private problem(request: string, pools: Record<string, string>): string | undefined {
    const kept = this.kept.inOrder;
    const { asked, text } = this;
    if (asked) {
      const [, server = '', host, target] = asked;
      const wanted = /^\S+ (\S+) [^]*?\r\nHost: ([^\r]*)\r\n/.exec(kept);
      if (target !== wanted?.[1] || host !== wanted?.[2]) {
        return `kept ${kept.slice(0, 300)}, the server read ${host} ${target?.slice(0, 300)}`;
      }
      if (pools[server] === poolOfText(kept)) return undefined;
      return `${kept.slice(0, 99)} went to ${server}`;
    }
    // what other bytes made of the head is refused by the switch or by the server
    if (!request.startsWith(kept.slice(0, kept.indexOf('\r\n\r\n') + 1 || undefined)))
      return undefined;
    const isReset = this.replies.some(({ flags }) => flags.includes('R'));
    if (isReset && this.kept.pieces >= HOLES) return undefined;
    return `${NO_ANSWER}: ${JSON.stringify(text.slice(0, 200))}${isReset ? ', reset' : ''}`;
  }
}
