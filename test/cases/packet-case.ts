// One case of kind `packets`, step by step, over whatever carries packets.
import type { Matcher, PacketCase, SendStep, Step } from './catalogue.ts';
import { describe, dotted, patched } from './reply.ts';
import type { Reply } from './reply.ts';
import { writtenPacket } from './written-packet.ts';

/** What the packets go through. */
export interface Wire {
  /** false: the sending host's kernel refuses such a packet, so it was lost */
  send(packet: Uint8Array): boolean;
  /** all that came within so many ms */
  receive(ms: number): Promise<Reply[]>;
  nowMs(): number;
  /** the targets that requests of this client were routed by; undefined: that cannot be seen */
  routed?(client: string): string[];
}

type ExpectStep = Extract<Step, { do: 'expect' }>;

const LOOK_MS = 20;
const KNOWN = [
  'none icmp served not_served status first_flight_max flags seq ack',
  'opts_absent opts_present to routed_as',
]
  .join(' ')
  .split(' ');

/** What holds only when nothing else comes: to be looked at when the time is over. */
function isNegative(matcher: Matcher): boolean {
  return Boolean(matcher.none ?? matcher.not_served) || matcher.first_flight_max !== undefined;
}

export class PacketRun {
  readonly problems: string[] = [];
  private readonly one: PacketCase;
  private readonly wire: Wire;
  private readonly service: { vip: string; port: number };
  private readonly home: string;
  private readonly all: Reply[] = [];
  private fresh: Reply[] = [];
  /** the other side's first sequence number, by client */
  private readonly first = new Map<string, number>();

  constructor(one: PacketCase, wire: Wire, service: { vip: string; port: number }) {
    this.one = one;
    this.wire = wire;
    this.service = service;
    this.home = `${one.client}:${one.client_port}`;
  }

  async run(): Promise<string[]> {
    for (const [place, step] of this.one.steps.entries()) {
      if (step.do === 'send') this.send(step);
      else if (step.do === 'wait') await this.wait(step.ms);
      else if (step.do === 'expect') await this.expect(step, place);
      else this.problems.push(`step ${place}: unknown: ${JSON.stringify(step)}`);
    }
    return this.problems;
  }

  private async wait(ms: number): Promise<void> {
    const endMs = this.wire.nowMs() + ms;
    while (this.wire.nowMs() < endMs) {
      this.take(await this.wire.receive(Math.min(LOOK_MS, endMs - this.wire.nowMs())));
    }
  }

  private take(replies: Reply[]): void {
    for (const reply of replies) {
      this.all.push(reply);
      this.fresh.push(reply);
      const isFirst = reply.flags.includes('S') && reply.flags.includes('A');
      if (isFirst && reply.fromPort === this.service.port && !this.first.has(reply.to)) {
        this.first.set(reply.to, reply.seq);
      }
    }
  }

  private send(step: SendStep): void {
    const isWritten = step.hex === undefined;
    const bytes = isWritten
      ? writtenPacket(this.one, step, this.service)
      : Uint8Array.from(Buffer.from(step.hex!, 'hex'));
    const isRelative = isWritten ? step.ack !== undefined : step.patch !== undefined;
    if (!isRelative && step.bad_tcp_checksum !== true) return void this.wire.send(bytes);
    const header = (bytes[0]! & 15) * 4;
    const view = new DataView(bytes.buffer);
    const me = `${dotted(bytes.subarray(12, 16))}:${view.getUint16(header)}`;
    const first = isRelative ? (this.first.get(me) ?? 0) : 0;
    const relative = /cover the reply/.test(step.note ?? '')
      ? this.replied(me, first)
      : view.getUint32(header + 8);
    this.wire.send(patched(bytes, relative + first, step.bad_tcp_checksum === true));
  }

  /** How far the other side has sent, from its first sequence number. */
  private replied(to: string, first: number): number {
    const ends = this.all
      .filter((reply) => reply.kind === 'tcp' && reply.to === to)
      .map((reply) => {
        const fin = reply.flags.includes('F') ? 1 : 0;
        return (reply.seq + reply.data.length + fin - first) >>> 0;
      });
    return Math.max(1, ...ends.filter((end) => end < 1 << 20));
  }

  private async expect(step: ExpectStep, place: number): Promise<void> {
    const unknown = step.any_of.flatMap(Object.keys).filter((key) => !KNOWN.includes(key));
    if (unknown.length > 0) this.problems.push(`step ${place}: unknown matcher: ${unknown}`);
    const positive = step.any_of.filter((matcher) => !isNegative(matcher));
    const endMs = this.wire.nowMs() + step.within_ms;
    let holds = false;
    while (!holds && this.wire.nowMs() < endMs) {
      this.take(await this.wire.receive(LOOK_MS));
      holds = positive.some((matcher) => this.holds(matcher));
    }
    holds ||= step.any_of.some((matcher) => isNegative(matcher) && this.holds(matcher));
    if (!holds) {
      const seen = this.fresh.map(describe).join('; ');
      this.problems.push(`step ${place}: wanted ${JSON.stringify(step.any_of)}, got [${seen}]`);
    }
    this.fresh = [];
  }

  private holds(matcher: Matcher): boolean {
    const to = matcher.to ? matcher.to.join(':') : this.home;
    const own = (reply: Reply) => reply.kind === 'tcp' && reply.to === to;
    const fresh = this.fresh.filter((reply) => own(reply) && reply.fromPort === this.service.port);
    if (matcher.none) return !this.fresh.some((reply) => own(reply) || reply.kind === 'icmp');
    if (matcher.icmp) return this.fresh.some((reply) => reply.kind === 'icmp');
    if (matcher.first_flight_max !== undefined) {
      const bytes = fresh.reduce((sum, reply) => sum + reply.data.length, 0);
      return bytes <= matcher.first_flight_max;
    }
    const text = this.textTo(to);
    if (matcher.routed_as !== undefined) {
      const routed = this.wire.routed?.(to);
      if (routed && routed.at(-1) !== matcher.routed_as) return false;
    }
    if (matcher.served) return text.includes(`target=${matcher.served.target};`);
    if (matcher.not_served) return !text.includes(' 200 ');
    if (matcher.status !== undefined) return text.includes(` ${matcher.status} `);
    return fresh.some((reply) => this.isLike(reply, matcher, this.first.get(to)));
  }

  /** The stream that the client got, each byte once. */
  private textTo(to: string): string {
    const first = this.first.get(to) ?? 0;
    const bytes: number[] = [];
    for (const reply of this.all) {
      if (reply.kind !== 'tcp' || reply.to !== to || reply.fromPort !== this.service.port) continue;
      const at = (reply.seq - first - 1) >>> 0;
      if (at < 1 << 20) reply.data.forEach((byte, offset) => (bytes[at + offset] = byte));
    }
    return Array.from(bytes, (byte) => String.fromCharCode(byte ?? 0)).join('');
  }

  private isLike(reply: Reply, matcher: Matcher, first: number | undefined): boolean {
    if (!reply.isIntact || !hasFlags(reply.flags, matcher.flags ?? '*')) return false;
    for (const field of ['seq', 'ack'] as const) {
      const wanted = matcher[field];
      if (wanted !== undefined && reply[field] !== this.numberOf(wanted, first)) return false;
    }
    if (reply.options.includes(-1)) return false;
    const has = (kind: number) => reply.options.includes(kind);
    return !(matcher.opts_absent ?? []).some(has) && (matcher.opts_present ?? []).every(has);
  }

  /** `C+1`, `S+2`: from the client's or the other side's first sequence number. */
  private numberOf(text: string, first: number | undefined): number | undefined {
    const base = text[0] === 'C' ? this.one.C : first;
    return base === undefined ? undefined : (base + Number(text.slice(1) || 0)) >>> 0;
  }
}

/** `R...` = with RST, `*F*` = at least these; PSH says nothing. */
function hasFlags(flags: string, wanted: string): boolean {
  if (wanted.startsWith('R')) return flags.includes('R');
  if (wanted.includes('*')) return [...wanted].every((one) => one === '*' || flags.includes(one));
  const plain = (text: string) =>
    [...text]
      .filter((one) => one !== 'P')
      .sort()
      .join('');
  return plain(flags) === plain(wanted);
}
