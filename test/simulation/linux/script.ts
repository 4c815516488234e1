import { buildPacket } from '../../../src/packet/build.ts';
import { readPacket, type TcpOptions, type TcpPacket } from '../../../src/packet/read.ts';
import { ACK, FIN, PSH, RST, SYN } from '../tcp/words.ts';
import type { Stack } from './stack.ts';

/** Lets the stack react; delayed ACKs (40 ms) are over then. */
export const SETTLE_MS = 60;

interface Sending {
  /** offset from the peer's ISN (1 = first byte), default: what is next */
  at?: number;
  /** offset from the stack's ISN, default: all that was seen; null = no ACK flag */
  ack?: number | null;
  data?: number;
  window?: number;
  /** added to the peer's timestamp clock; null = option left out */
  stamp?: number | null;
  /** TSecr, default the stack's newest TSval */
  echo?: number;
  sack?: [number, number][];
  options?: TcpOptions;
}

/**
 * A raw peer that speaks to a stack and writes down what the stack answers in numbers relative to
 * the
 * connection, so that the notes of two stacks can be compared.
 */
export class RawPeer {
  readonly notes: string[] = [];
  /** ISNs */
  mine: number;
  theirs = 0;
  next = 0;
  seen = 0;
  hasTimestamps = true;
  private readonly stack: Stack;
  private readonly port: number;
  private readonly stackPort: number;
  private clock = 5_000_000;
  private newestStamp = 0;
  /** whether the last segment of the stack had its port, for a client stack */
  learnedPort: number | undefined;

  constructor(stack: Stack, port: number, stackPort: number, isn = 0x10000000) {
    this.stack = stack;
    this.port = port;
    this.stackPort = stackPort;
    this.mine = isn;
  }

  /** Sends a segment and notes the answers. */
  async say(flags: number, sending: Sending = {}, waitMs = SETTLE_MS): Promise<TcpPacket[]> {
    const at = sending.at ?? this.next;
    const ack = sending.ack === undefined ? this.seen : sending.ack;
    const payload = new Uint8Array(sending.data ?? 0).fill(0x61);
    this.clock += 10;
    const options: TcpOptions = sending.options ?? this.stamped(sending);
    if (sending.sack) {
      options.sack = sending.sack.map(([a, b]) => [
        (this.theirs + a) >>> 0,
        (this.theirs + b) >>> 0,
      ]);
    }
    this.stack.inject(
      buildPacket({
        source: this.stack.peer,
        destination: this.stack.own,
        sourcePort: this.port,
        destinationPort: this.learnedPort ?? this.stackPort,
        sequence: (this.mine + at) >>> 0,
        acknowledgment: ack === null ? 0 : (this.theirs + ack) >>> 0,
        flags: flags | (ack === null ? 0 : ACK),
        window: sending.window ?? 60000,
        options,
        payload,
      }),
    );
    const control = (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
    this.next = Math.max(this.next, at + payload.length + control);
    return this.listen(waitMs);
  }

  /** The whole handshake as a client; notes the SYN-ACK. */
  async open(options: TcpOptions = this.synOptions(), withAck = true): Promise<void> {
    this.hasTimestamps = options.timestamps !== undefined;
    await this.say(SYN, { ack: null, options });
    if (withAck) await this.say(0);
  }

  synOptions(): TcpOptions {
    return {
      mss: 1400,
      sackPermitted: true,
      timestamps: { value: this.clock, echo: 0 },
      windowScale: 6,
    };
  }

  /** Notes what the stack sends in that time. */
  async listen(waitMs: number): Promise<TcpPacket[]> {
    await this.stack.pass(waitMs);
    const packets = this.stack
      .take()
      .map((bytes) => readPacket(bytes)!)
      .filter((packet) => packet.destinationPort === this.port);
    for (const packet of packets) {
      this.learn(packet);
      this.notes.push(this.describe(packet));
    }
    if (packets.length === 0) this.notes.push('-');
    return packets;
  }

  note(text: string): void {
    this.notes.push(text);
  }

  private stamped(sending: Sending): TcpOptions {
    if (!this.hasTimestamps || sending.stamp === null) return {};
    const value = this.clock + (sending.stamp ?? 0);
    return { timestamps: { value, echo: sending.echo ?? this.newestStamp } };
  }

  private learn(packet: TcpPacket): void {
    if (packet.flags & SYN) {
      this.theirs = packet.sequence;
      this.learnedPort = packet.sourcePort;
    }
    if (packet.flags & RST) return;
    const stamp = packet.options.timestamps;
    if (stamp) this.newestStamp = stamp.value;
    const control = (packet.flags & SYN ? 1 : 0) + (packet.flags & FIN ? 1 : 0);
    const end = ((packet.sequence - this.theirs) | 0) + packet.payload.length + control;
    this.seen = Math.max(this.seen, end);
  }

  get stampSeen(): number {
    return this.newestStamp;
  }

  private describe(packet: TcpPacket): string {
    const { flags, options } = packet;
    const letters = [
      [SYN, 'S'],
      [FIN, 'F'],
      [RST, 'R'],
      [ACK, '.'],
    ] as const;
    const words = [letters.map(([bit, letter]) => (flags & bit ? letter : '')).join('')];
    const hasAck = (flags & ACK) !== 0;
    const isBareReset = flags === RST;
    words.push(`seq ${((packet.sequence - this.theirs) | 0).toString()}`);
    if (hasAck) words.push(`ack ${(packet.acknowledgment - this.mine) | 0}`);
    if (packet.payload.length > 0) words.push(`bytes ${packet.payload.length}`);
    if (options.mss !== undefined) words.push(`mss ${options.mss}`);
    if (options.windowScale !== undefined) words.push('scale');
    if (options.sackPermitted) words.push('sackOK');
    if (options.timestamps && !(flags & RST))
      words.push(this.describeStamp(options.timestamps.echo));
    for (const [left, right] of options.sack ?? []) {
      words.push(`sack ${(left - this.mine) | 0}-${(right - this.mine) | 0}`);
    }
    if (packet.window === 0 && !isBareReset && !(flags & RST)) words.push('window 0');
    return words.join(' ');
  }

  /** TSecr relative to the peer's clock. */
  private describeStamp(echo: number): string {
    return echo === 0 ? 'echo none' : `echo ${(echo - this.clock) | 0}`;
  }
}

export { ACK, FIN, PSH, RST, SYN };
