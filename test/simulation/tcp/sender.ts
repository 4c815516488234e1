import type { Scheduler } from '../scheduler.ts';
import type { KernelOptions } from './options.ts';
import { RoundTrip } from './rtt.ts';
import { Scoreboard } from './scoreboard.ts';
import { SendBuffer } from './send-buffer.ts';
import { Deadline } from './timer.ts';

export interface SenderPort {
  /**
   * Puts a segment on the wire: stream offset of its first byte, its bytes, whether FIN goes with
   * it.
   */
  emit(start: number, bytes: Uint8Array, hasFin: boolean): void;
  /** Sends an old sequence number without data: the peer answers with its window. */
  probe(): void;
  giveUp(): void;
}

const INITIAL_SEGMENTS = 10; // RFC 6928

/** The sending half: slow start, AIMD, fast retransmit, retransmission and persist timers. */
export class Sender {
  readonly buffer = new SendBuffer(1);
  readonly board = new Scoreboard();
  readonly roundTrip: RoundTrip;
  /** oldest unacknowledged offset, next new one; 0 is the SYN */
  una = 1;
  next = 1;
  /** the peer's window in bytes, the widest it ever was */
  window = 0;
  widest = 0;
  retransmissions = 0;
  limit: number;
  private readonly mss: number;
  private readonly hasSack: boolean;
  private cwnd: number;
  private threshold = Infinity;
  private recoveryPoint = -1;
  private duplicates = 0;
  /** fast retransmit sends one segment whatever the congestion window says */
  private mustSend = false;
  private finQueued = false;
  private finSent = false;
  private readonly clock: Scheduler;
  private readonly port: SenderPort;
  private readonly retransmit: Deadline;
  private readonly persist: Deadline;

  constructor(
    clock: Scheduler,
    options: KernelOptions,
    mss: number,
    hasSack: boolean,
    port: SenderPort,
  ) {
    this.clock = clock;
    this.port = port;
    this.mss = mss;
    this.hasSack = hasSack;
    this.cwnd = INITIAL_SEGMENTS * mss;
    this.limit = options.retries;
    this.roundTrip = new RoundTrip(options.minRtoMs);
    this.retransmit = new Deadline(clock, () => this.timeout());
    this.persist = new Deadline(clock, () => this.probeWindow());
  }

  get isFinAcknowledged(): boolean {
    return this.finSent && this.una === this.buffer.end + 1;
  }

  /** Everything handed in was acknowledged, FIN included if it was queued. */
  get isIdle(): boolean {
    return this.una === this.buffer.end + (this.finQueued ? 1 : 0);
  }

  queueFin(): void {
    this.finQueued = true;
  }

  setWindow(bytes: number): void {
    this.window = bytes;
    this.widest = Math.max(this.widest, bytes);
  }

  /** `echoMs`: age of the echoed timestamp, -1 without. `repeats`: no data, no window change. */
  acknowledge(ack: number, blocks: [number, number][], echoMs: number, repeats: boolean): void {
    const before = this.una;
    if (ack > before) this.advance(ack, echoMs);
    const sacked = this.hasSack && this.board.sack(blocks);
    if (this.hasSack) {
      if (sacked && this.board.markLost()) this.enterRecovery();
    } else if (ack === before && repeats && this.board.flights.length > 0) {
      this.duplicates += 1;
      if (this.duplicates === 3) {
        this.enterRecovery();
        this.board.loseFirst();
      }
    }
  }

  /** Sends what window and congestion window allow. */
  transmit(): void {
    for (;;) {
      const isFull = this.board.pipe > 0 && this.board.pipe + this.mss > this.cwnd;
      if (isFull && !this.mustSend) break;
      this.mustSend = false;
      const lost = this.board.nextLost();
      if (lost) {
        this.board.sentAgain(lost, this.clock.nowMs);
        this.retransmissions += 1;
        this.emit(lost.start, lost.end, lost.hasFin);
      } else if (!this.sendNew()) break;
    }
    if (this.board.flights.length > 0) {
      if (!this.retransmit.isSet) this.retransmit.setAfter(this.roundTrip.timeoutMs);
      this.persist.clear();
    } else {
      this.retransmit.clear();
      if (!this.hasPending) this.persist.clear();
      else if (!this.persist.isSet) this.persist.setAfter(this.roundTrip.timeoutMs);
    }
  }

  dispose(): void {
    this.retransmit.dispose();
    this.persist.dispose();
  }

  private get hasPending(): boolean {
    return this.next < this.buffer.end || (this.finQueued && !this.finSent);
  }

  private advance(ack: number, echoMs: number): void {
    const { newest, bytes } = this.board.acknowledge(ack);
    this.una = ack;
    this.next = Math.max(this.next, ack);
    this.buffer.release(ack);
    this.duplicates = 0;
    if (echoMs >= 0) this.roundTrip.sample(echoMs);
    else if (newest) this.roundTrip.sample(this.clock.nowMs - newest.sentAtMs);
    this.roundTrip.backoffs = 0;
    if (this.recoveryPoint >= 0 && ack < this.recoveryPoint) {
      if (!this.hasSack) this.board.loseFirst(); // RFC 6582: a partial acknowledgment
      if (this.cwnd < this.threshold) this.cwnd += bytes; // after a timeout: slow start
    } else {
      this.recoveryPoint = -1;
      if (this.cwnd < this.threshold) this.cwnd += bytes;
      else this.cwnd += Math.max(1, Math.floor((this.mss * this.mss) / this.cwnd));
    }
    this.retransmit.clear();
    if (this.board.flights.length > 0) this.retransmit.setAfter(this.roundTrip.timeoutMs);
  }

  private enterRecovery(): void {
    if (this.recoveryPoint >= 0) return;
    this.recoveryPoint = this.next;
    this.threshold = Math.max(Math.floor((this.next - this.una) / 2), 2 * this.mss);
    this.cwnd = this.threshold;
    this.mustSend = true;
  }

  private sendNew(): boolean {
    const room = this.una + this.window - this.next;
    const available = this.buffer.end - this.next;
    const length = Math.min(this.mss, available, room);
    const inFlight = this.board.flights.length > 0;
    if (available > 0) {
      if (length <= 0) return false;
      if (length < this.mss && length < available && inFlight) return false; // RFC 9293 3.8.6.2.1
    } else if (!this.finQueued || this.finSent || room < 1) {
      return false;
    }
    const hasFin = this.finQueued && length === available && room > length;
    if (hasFin) this.finSent = true;
    const start = this.next;
    this.next += length + (hasFin ? 1 : 0);
    this.board.add({
      start,
      end: this.next,
      hasFin,
      sentAtMs: this.clock.nowMs,
      transmissions: 1,
      isSacked: false,
      isLost: false,
    });
    this.emit(start, this.next, hasFin);
    return true;
  }

  private emit(start: number, end: number, hasFin: boolean): void {
    this.port.emit(start, this.buffer.slice(start, end - start - (hasFin ? 1 : 0)), hasFin);
  }

  private timeout(): void {
    if (this.board.flights.length === 0) return;
    this.roundTrip.backoffs += 1;
    if (this.roundTrip.backoffs > this.limit) {
      this.port.giveUp();
      return;
    }
    this.threshold = Math.max(Math.floor((this.next - this.una) / 2), 2 * this.mss);
    this.cwnd = this.mss;
    this.recoveryPoint = this.next;
    this.duplicates = 0;
    this.board.forgiveReneging();
    this.board.loseAll();
    this.transmit();
  }

  private probeWindow(): void {
    if (this.board.flights.length > 0 || !this.hasPending) return;
    this.roundTrip.backoffs += 1;
    if (this.roundTrip.backoffs > this.limit) {
      this.port.giveUp();
      return;
    }
    const room = this.una + this.window - this.next;
    if (room > 0) this.transmit();
    else this.port.probe();
    this.persist.setAfter(this.roundTrip.timeoutMs);
  }
}
