import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../assembly/wire/tcp.ts';
import type { PacketEvent } from '../../event.ts';
import { buildPacket } from '../../packet/build.ts';
import { readPacket } from '../../packet/read.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { countUnder } from '../figures.ts';
import { isIntact } from '../distributor/held.ts';
import { keyOf } from '../distributor/insert.ts';
import type { SwitchState } from '../state.ts';
import { tupleKey } from '../../tuple.ts';

/** Packets that workers may show between two fillings. */
const BUDGET = 32;
const FILL_INTERVAL_MS = 100;
/** Connections that are remembered, and how long. */
const LIMIT = 4096;
const MEMORY_MS = 60_000;
/** No RST before the second packet, so much later: whose connection it is may be on its way to us. */
const SILENCE_MS = 1000;

/**
 * Packets in the middle of connections that neither this switch nor any agent knows. To their clients the
 * switch says RST, as a host does that was started anew (RFC 9293 section 3.10.7.1), but not before every
 * agent has listed its connections or counts as dead.
 */
export class Strays {
  /** by client and VIP: when its first packet came, oldest first */
  private readonly firstMs = new Map<string, number>();
  private readonly words: Int32Array;
  private filledMs = -Infinity;

  constructor(memory: ArrayBufferLike) {
    this.words = new Int32Array(memory);
  }

  /** Workers may show some again. */
  time(nowMs: number): void {
    if (nowMs - this.filledMs < FILL_INTERVAL_MS) return;
    this.filledMs = nowMs;
    Atomics.store(this.words, L.HEADER_STRAY_BUDGET >>> 2, BUDGET);
  }

  packet(state: SwitchState, event: PacketEvent, nowMs: number): void {
    const packet = readPacket(event.packet);
    if (!packet || (packet.flags & (TCP_ACK | TCP_RST)) !== TCP_ACK) return;
    if (!isIntact(state, event)) return;
    const sinceMs = this.knownSinceMs(packet, nowMs);
    if (nowMs - sinceMs < SILENCE_MS || !state.hasHeardAll(nowMs)) return;
    // an agent has told of it meanwhile
    if (state.find(keyOf(packet)) !== L.NO_ENTRY) return;
    countUnder(state.figures.resets, 'unknown');
    const reset = buildPacket({
      source: packet.destination,
      destination: packet.source,
      sourcePort: packet.destinationPort,
      destinationPort: packet.sourcePort,
      sequence: packet.acknowledgment,
      flags: TCP_RST,
    });
    state.transmit({ worker: event.worker, packet: reset });
  }

  private knownSinceMs(packet: TcpPacket, nowMs: number): number {
    const key = tupleKey(keyOf(packet));
    const known = this.firstMs.get(key);
    if (known !== undefined && nowMs - known < MEMORY_MS) return known;
    this.firstMs.delete(key);
    this.firstMs.set(key, nowMs);
    for (const [oldest, ms] of this.firstMs) {
      if (this.firstMs.size <= LIMIT && nowMs - ms < MEMORY_MS) break;
      this.firstMs.delete(oldest);
    }
    return nowMs;
  }
}
