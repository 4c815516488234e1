import type { TcpPacket } from '../../../src/packet/read.ts';
import type { Kernel } from './kernel.ts';
import { INITIAL_RTO_MS, NO_SCALE } from './options.ts';
import { receiveSynchronized } from './incoming.ts';
import { Socket, type Agreement, type SocketEvents } from './socket.ts';
import { Deadline } from './timer.ts';
import { ACK, RST, SYN, type Ends } from './words.ts';

const QUICK_REPEAT_MS = 8; // Linux: TCP_TIMEOUT_MIN, two ticks

/** A connection in SYN-SENT. It becomes a Socket, or fails. */
export class Opening {
  readonly ends: Ends;
  readonly iss: number;
  private readonly kernel: Kernel;
  private readonly events: SocketEvents;
  private readonly opened: (socket: Socket) => void;
  private readonly repeat: Deadline;
  private readonly startedMs: number;
  private repeats = 0;

  constructor(kernel: Kernel, ends: Ends, events: SocketEvents, opened: (socket: Socket) => void) {
    this.kernel = kernel;
    this.ends = ends;
    this.events = events;
    this.opened = opened;
    this.iss = kernel.initialSequence(ends);
    this.startedMs = kernel.clock.nowMs;
    this.repeat = new Deadline(kernel.clock, () => this.timeout());
    this.sendSyn();
  }

  cancel(): void {
    this.repeat.dispose();
    this.kernel.forgetOpening(this);
  }

  /** RFC 9293 3.10.7.3 */
  receive(packet: TcpPacket): void {
    const { flags } = packet;
    const hasAck = (flags & ACK) !== 0;
    if (hasAck && packet.acknowledgment !== (this.iss + 1) >>> 0) {
      if ((flags & RST) !== 0) return;
      // the other side still has an older connection of these ports: its answer to our RST is a
      // free port
      if (this.repeats === 0) this.repeat.setAfter(QUICK_REPEAT_MS);
      this.kernel.reset(packet);
      return;
    }
    if ((flags & RST) !== 0) {
      if (!hasAck) return;
      this.cancel();
      this.events.failed?.('refused');
      return;
    }
    if ((flags & SYN) === 0 || !hasAck) return;
    const stamp = packet.options.timestamps;
    if (stamp && stamp.echo !== 0 && this.isEchoWrong(stamp.echo)) {
      this.kernel.reset(packet);
      return;
    }
    this.establish(packet);
  }

  private establish(packet: TcpPacket): void {
    const { kernel, ends } = this;
    this.cancel();
    const socket = new Socket(kernel, ends, agree(kernel, packet, this.iss));
    socket.events = this.events;
    if (this.repeats === 0) socket.sender.roundTrip.sample(kernel.clock.nowMs - this.startedMs);
    kernel.add(socket);
    socket.acknowledge();
    this.opened(socket);
    this.events.connected?.();
  }

  private isEchoWrong(echo: number): boolean {
    const now = this.kernel.timestampFor(this.ends);
    const first = now - Math.ceil(this.kernel.clock.nowMs - this.startedMs);
    return ((echo - first) | 0) < -1 || ((now - echo) | 0) < 0;
  }

  private sendSyn(): void {
    this.kernel.send(this.ends, {
      sequence: this.iss,
      acknowledgment: 0,
      flags: SYN,
      window: Math.min(65535, this.kernel.options.receiveBuffer),
      options: this.kernel.synOptions(this.ends, 0),
    });
    this.repeat.setAfter(INITIAL_RTO_MS * 2 ** this.repeats);
  }

  private timeout(): void {
    this.repeats += 1;
    if (this.repeats > this.kernel.options.synRetries) {
      this.cancel();
      this.events.failed?.('timed out');
      return;
    }
    this.sendSyn();
  }
}

/** A connection in SYN-RECEIVED, as Linux keeps it: a small request beside its listener. */
export interface Request {
  ends: Ends;
  iss: number;
  syn: TcpPacket;
  timestampRecent: number;
  /** a valid ACK came that could not be taken: the SYN-ACK timer goes on */
  wasAcknowledged: boolean;
  timeouts: number;
  answeredMs: number;
  firstStamp: number;
  lastStamp: number;
  timer: Deadline;
}

/** What both SYNs agreed on, as this kernel sees it. */
export function agree(kernel: Kernel, peer: TcpPacket, iss: number): Agreement {
  const { options } = kernel;
  const theirs = peer.options;
  const scaling = options.scale !== NO_SCALE && theirs.windowScale !== undefined;
  const isSynAck = (peer.flags & ACK) !== 0;
  return {
    iss,
    irs: peer.sequence,
    mss: Math.min(options.mss, theirs.mss ?? 536),
    sack: options.sack && theirs.sackPermitted === true,
    timestamps: options.timestamps && theirs.timestamps !== undefined,
    timestampRecent: theirs.timestamps?.value ?? 0,
    sendScale: scaling ? Math.min(14, theirs.windowScale ?? 0) : 0,
    receiveScale: scaling ? options.scale : 0,
    window: isSynAck ? peer.window : 0,
  };
}

/** The Socket of a finished request; the segment that finished it is worked off by it. */
export function promote(kernel: Kernel, request: Request, packet: TcpPacket): Socket {
  const agreement = agree(kernel, request.syn, request.iss);
  agreement.timestampRecent = request.timestampRecent;
  agreement.window = packet.window << agreement.sendScale;
  const socket = new Socket(kernel, request.ends, agreement);
  kernel.add(socket);
  const echo = packet.options.timestamps?.echo ?? 0;
  if (request.timeouts === 0 && agreement.timestamps && echo !== 0) {
    const age = (kernel.timestampFor(request.ends) - echo) | 0;
    if (age >= 0) socket.sender.roundTrip.sample(age);
  }
  return socket;
}

export function deliverFirst(socket: Socket, packet: TcpPacket): void {
  receiveSynchronized(socket, packet);
}
