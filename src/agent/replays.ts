import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { Handoff } from '../channel/messages.ts';
import type { PacketEvent } from '../event.ts';
import { readPacket } from '../packet/read.ts';
import type { TcpPacket } from '../packet/read.ts';
import { advance } from '../packet/sequence.ts';
import { sameAddress } from '../tuple.ts';
import type { AgentBinding } from './bindings.ts';
import type { Entries } from './entries.ts';
import { countHandoff } from './figures.ts';
import type { AgentFigures } from './figures.ts';
import type { Outbox } from './outbox.ts';
import { proxyHeader } from './proxy-header.ts';
import { Replay } from './replay.ts';
import type { KernelHalf, ReplayOutcome } from './replay.ts';
import type { KernelEnds } from './segments.ts';
import { answerSynAck } from './syn-acks.ts';
import type { Giver } from './takeover.ts';

/** Of one connection, kept until it is ready; a client sends no more than its window. */
const KEPT_BYTES_LIMIT = 262_144;
/** A sweep reports an entry whose replay was forgotten so long after its deadline. */
const GRACE_MS = 1000;
const DRAIN_MS = 1000;

/** A handoff whose outcome is open. */
export interface Pending {
  entry: number;
  worker: number;
  giver: Giver;
  handoff: Handoff;
  replay: Replay;
  acceptedMs: number;
  /** packets that the other end must get, in order */
  kept: { packet: Uint8Array; vnet: Uint8Array }[];
  keptBytes: number;
}

/** A packet of the server's kernel; all others are the client's. */
export function isFromKernel(segment: TcpPacket, ends: KernelEnds): boolean {
  return segment.sourcePort === ends.serverPort && sameAddress(segment.source, ends.server);
}

/** The replays under way, by entry. */
export class Replays {
  readonly #entries: Entries;
  readonly #outbox: Outbox;
  readonly #figures: AgentFigures;
  readonly #pending = new Map<number, Pending>();

  constructor(parts: { entries: Entries; outbox: Outbox; figures: AgentFigures }) {
    this.#entries = parts.entries;
    this.#outbox = parts.outbox;
    this.#figures = parts.figures;
  }

  get size(): number {
    return this.#pending.size;
  }

  at(entry: number): Pending | undefined {
    return this.#pending.get(entry);
  }

  /** False when the table has no room. */
  begin(
    handoff: Handoff,
    giver: Giver,
    binding: AgentBinding,
    timeoutMs: number,
    nowMs: number,
  ): boolean {
    const deadlineMs = nowMs + timeoutMs;
    const entry = this.#entries.insert(handoff, giver, binding, deadlineMs + GRACE_MS, nowMs);
    if (entry === null) return false;
    const ahead = giver.server?.proxy ? proxyHeader(handoff.tuple) : undefined;
    const replay = new Replay(this.#entries.ends(entry), handoff, deadlineMs, ahead);
    const worker = this.#entries.connections.worker(entry);
    const rest = { acceptedMs: nowMs, kept: [], keptBytes: 0 };
    this.#pending.set(entry, { entry, worker, giver, handoff, replay, ...rest });
    this.#figures.replays += 1;
    this.#outbox.transmit(worker, replay.start(nowMs));
    return true;
  }

  /** Ends a replay without an outcome. */
  forget(entry: number): void {
    this.#pending.delete(entry);
  }

  /** Repeats what is due; returns the replays whose deadline passed. */
  time(nowMs: number): Pending[] {
    const expired: Pending[] = [];
    for (const pending of this.#pending.values()) {
      const step = pending.replay.time(nowMs);
      this.#outbox.transmit(pending.worker, step.packets);
      if (step.outcome === 'expired') expired.push(pending);
    }
    return expired;
  }

  /** A packet of either end. A ready connection is no longer here, and draining. */
  packet(pending: Pending, event: PacketEvent, nowMs: number): ReplayOutcome {
    const segment = readPacket(event.packet);
    let outcome: ReplayOutcome = 'pending';
    let keep = segment !== null;
    if (segment && isFromKernel(segment, pending.replay.ends)) {
      const step = pending.replay.fromKernel(segment, nowMs);
      this.#outbox.transmit(pending.worker, step.packets);
      ({ outcome, keep } = step);
    }
    if (!keep || !this.#keep(pending, event)) {
      this.#entries.giveUp(pending.entry, pending.handoff.id);
    }
    if (outcome === 'ready') this.#ready(pending, event, nowMs);
    return outcome;
  }

  #keep(pending: Pending, { packet, vnet }: PacketEvent): boolean {
    if (pending.keptBytes + packet.length > KEPT_BYTES_LIMIT) {
      this.#figures.notKept += 1;
      return false;
    }
    pending.keptBytes += packet.length;
    pending.kept.push({ packet, vnet });
    return true;
  }

  /** From here on the fast path translates; what was kept goes before everything later. */
  #ready(pending: Pending, event: PacketEvent, nowMs: number): void {
    const { entry, replay, handoff, worker } = pending;
    this.#pending.delete(entry);
    if (replay.kernel) this.#setTranslation(pending, replay.kernel, nowMs);
    if (handoff.bySyn) answerSynAck({ entries: this.#entries, outbox: this.#outbox }, event);
    for (const { packet, vnet } of pending.kept) {
      this.#outbox.rewrite(worker, entry, packet, vnet);
    }
    if (handoff.timestamps && replay.kernel?.timestamp === null) {
      this.#entries.update(entry, handoff.id, C.UPDATE_FLAGS_CLEAR, (template) =>
        template.entry32(L.ENTRY_FLAGS, L.FLAG_TIMESTAMPS),
      );
    }
    countHandoff(this.#figures, nowMs - pending.acceptedMs);
  }

  #promisedScale(handoff: Handoff): number {
    return handoff.clientScale === L.SCALE_NONE ? 0 : handoff.switchScale;
  }

  #setTranslation({ entry, handoff }: Pending, kernel: KernelHalf, nowMs: number): void {
    const groups = C.UPDATE_SERVER | C.UPDATE_RECORD | C.UPDATE_RESPONSES;
    const what = C.UPDATE_STATE | C.UPDATE_DEADLINE | groups;
    const first = advance(kernel.isn, 1);
    // the kernel's first byte is the next one that the client expects
    const delta = (kernel.isn + 1 - handoff.switchNext) >>> 0;
    // the first TSval that the client gets is the last one it saw from the switch, never a smaller
    const stamped = kernel.timestamp !== null;
    const shifts = stamped && !handoff.bySyn;
    const offset = shifts ? (handoff.timestampSwitch - kernel.timestamp!) >>> 0 : 0;
    // the client, too, hears that the kernel does not scale
    const scales = kernel.scales || !handoff.bySyn;
    this.#entries.update(entry, handoff.id, what, (template) =>
      template
        .state(L.STATE_DRAINING)
        .entry32(L.ENTRY_SEQUENCE_DELTA, delta)
        .entry32(L.ENTRY_TIMESTAMP_OFFSET, offset)
        .entry8(L.ENTRY_SERVER_SCALE, kernel.scale)
        .entry8(L.ENTRY_SWITCH_SCALE, scales ? this.#promisedScale(handoff) : 0)
        .record32(L.RECORD_SERVER_ISN, kernel.isn)
        .record32(L.RECORD_RESPONSE_NEXT, first)
        .record32(L.RECORD_SERVER_NEXT, first)
        .record32(L.RECORD_SERVER_TIMESTAMP, handoff.timestampSwitch)
        .deadline(nowMs + DRAIN_MS),
    );
  }
}
