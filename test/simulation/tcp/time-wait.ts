import type { TcpPacket } from '../../../src/packet/read.ts';
import type { Kernel } from './kernel.ts';
import { INVALID_RATE_MS } from './options.ts';
import type { Socket } from './socket.ts';
import { Deadline } from './timer.ts';
import { ACK, RST, SYN, type Ends } from './words.ts';

/** Linux adds this to the old connection's last number for a connection that ends a TIME-WAIT. */
const NEXT_CONNECTION_GAP = 65535 + 2;

/** TIME-WAIT as Linux keeps it (tcp_timewait_state_process). */
export class TimeWait {
  readonly ends: Ends;
  private readonly kernel: Kernel;
  private readonly sendNext: number;
  private readonly receiveNext: number;
  private readonly window: number;
  private readonly hasTimestamps: boolean;
  private timestampRecent: number;
  private answeredMs = -Infinity;
  private readonly timer: Deadline;

  constructor(kernel: Kernel, socket: Socket) {
    this.kernel = kernel;
    this.ends = socket.ends;
    this.sendNext = (socket.agreement.iss + socket.sender.next) >>> 0;
    this.receiveNext = (socket.agreement.irs + socket.acknowledged) >>> 0;
    this.window = socket.rightEdge - socket.acknowledged;
    this.hasTimestamps = socket.agreement.timestamps;
    this.timestampRecent = socket.timestampRecent;
    this.timer = new Deadline(kernel.clock, () => this.end());
    this.timer.setAfter(kernel.options.timeWaitMs);
  }

  end(): void {
    this.timer.dispose();
    this.kernel.forgetTimeWait(this);
  }

  /** The ISN for a new connection when a SYN ends the TIME-WAIT, else undefined. */
  receive(packet: TcpPacket): number | undefined {
    const { flags } = packet;
    const stamp = this.hasTimestamps ? packet.options.timestamps : undefined;
    const isOld = stamp !== undefined && ((this.timestampRecent - stamp.value) | 0) > 1;
    const distance = (packet.sequence - this.receiveNext) | 0;
    const isReset = (flags & RST) !== 0;
    if (
      !isOld &&
      distance === 0 &&
      (packet.payload.length === 0 || isReset) &&
      (flags & SYN) === 0
    ) {
      if (isReset) this.end();
      else {
        this.timer.setAfter(this.kernel.options.timeWaitMs);
        if (stamp) this.timestampRecent = stamp.value;
      }
      return undefined;
    }
    if ((flags & (SYN | RST | ACK)) === SYN && !isOld) {
      const isNewer = stamp !== undefined && ((stamp.value - this.timestampRecent) | 0) > 0;
      if (distance > 0 || isNewer) return (this.sendNext + NEXT_CONNECTION_GAP) >>> 0;
    }
    if (isReset) return undefined;
    if (isOld || (flags & ACK) !== 0) this.timer.setAfter(this.kernel.options.timeWaitMs);
    this.acknowledge();
    return undefined;
  }

  private acknowledge(): void {
    const { nowMs } = this.kernel.clock;
    if (nowMs - this.answeredMs < INVALID_RATE_MS) return;
    this.answeredMs = nowMs;
    const value = this.kernel.timestampFor(this.ends);
    this.kernel.send(this.ends, {
      sequence: this.sendNext,
      acknowledgment: this.receiveNext,
      flags: ACK,
      window: Math.min(65535, this.window),
      options: this.hasTimestamps ? { timestamps: { value, echo: this.timestampRecent } } : {},
    });
  }
}
