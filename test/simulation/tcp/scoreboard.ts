/** A segment in flight, by stream offsets; a FIN takes one offset behind its bytes. */
export interface Flight {
  start: number;
  end: number;
  hasFin: boolean;
  sentAtMs: number;
  transmissions: number;
  isSacked: boolean;
  isLost: boolean;
}

const DUPLICATE_THRESHOLD = 3;

/** What is in flight and what is known of it (RFC 6675; without SACK: RFC 6582). */
export class Scoreboard {
  readonly flights: Flight[] = [];
  /** bytes believed to be in the network */
  pipe = 0;

  add(flight: Flight): void {
    this.flights.push(flight);
    this.pipe += flight.end - flight.start;
  }

  /**
   * Removes what `ack` covers. `newest`: the youngest of it for a round-trip sample, unless
   * anything of it
   * was sent twice (Karn; what filled a hole says nothing about the rest either).
   */
  acknowledge(ack: number): { newest: Flight | undefined; bytes: number } {
    let newest: Flight | undefined;
    let isAmbiguous = false;
    let bytes = 0;
    let gone = 0;
    for (const flight of this.flights) {
      if (flight.start >= ack) break;
      if (flight.end > ack) {
        // a segment was split by the peer's window: keep the rest
        if (this.isInPipe(flight)) this.pipe -= ack - flight.start;
        bytes += ack - flight.start;
        flight.start = ack;
        break;
      }
      if (this.isInPipe(flight)) this.pipe -= flight.end - flight.start;
      bytes += flight.end - flight.start;
      if (flight.transmissions > 1) isAmbiguous = true;
      if (!flight.isSacked) newest = flight;
      gone += 1;
    }
    this.flights.splice(0, gone);
    return { newest: isAmbiguous ? undefined : newest, bytes };
  }

  /** Marks what the blocks (offset pairs) cover; true when something was new. */
  sack(blocks: readonly (readonly [number, number])[]): boolean {
    let changed = false;
    for (const [left, right] of blocks) {
      for (const flight of this.flights) {
        if (flight.start >= right) break;
        if (flight.isSacked || flight.start < left || flight.end > right) continue;
        if (this.isInPipe(flight)) this.pipe -= flight.end - flight.start;
        flight.isSacked = true;
        flight.isLost = false;
        changed = true;
      }
    }
    return changed;
  }

  /**
   * A segment with three SACKed ones above it is lost, unless it was sent again (RFC 6675 IsLost).
   */
  markLost(): boolean {
    let above = 0;
    let changed = false;
    for (let i = this.flights.length - 1; i >= 0; i--) {
      const flight = this.flights[i]!;
      if (flight.isSacked) above += 1;
      else if (above >= DUPLICATE_THRESHOLD && flight.transmissions === 1 && !flight.isLost) {
        this.lose(flight);
        changed = true;
      }
    }
    return changed;
  }

  loseFirst(): void {
    const first = this.flights.find((flight) => !flight.isSacked);
    if (first && !first.isLost) this.lose(first);
  }

  /**
   * The oldest segment was SACKed, not acknowledged: the peer took its SACKs back (RFC 2018 section
   * 8).
   */
  forgiveReneging(): void {
    if (!this.flights[0]?.isSacked) return;
    for (const flight of this.flights) {
      if (!flight.isSacked) continue;
      flight.isSacked = false;
      this.pipe += flight.end - flight.start;
    }
  }

  /** Retransmission timeout: everything that is not SACKed is lost, also what was sent again. */
  loseAll(): void {
    for (const flight of this.flights) {
      if (!flight.isSacked && !flight.isLost) this.lose(flight);
    }
  }

  nextLost(): Flight | undefined {
    return this.flights.find((flight) => flight.isLost);
  }

  sentAgain(flight: Flight, nowMs: number): void {
    flight.isLost = false;
    flight.transmissions += 1;
    flight.sentAtMs = nowMs;
    this.pipe += flight.end - flight.start;
  }

  private lose(flight: Flight): void {
    flight.isLost = true;
    this.pipe -= flight.end - flight.start;
  }

  private isInPipe(flight: Flight): boolean {
    return !flight.isSacked && !flight.isLost;
  }
}
