import * as L from '../../assembly/layout.ts';
import type { Confirm, Handoff, HandoffId, ResyncEntry, Tuple } from '../channel/messages.ts';
import type { PacketEvent } from '../event.ts';
import { readPacket } from '../packet/read.ts';
import type { Bindings } from './bindings.ts';
import { Outcomes } from './close.ts';
import type { Tell } from './close.ts';
import { Drains } from './drains.ts';
import { Endings } from './endings.ts';
import type { Entries } from './entries.ts';
import { countFailure } from './figures.ts';
import type { AgentFigures } from './figures.ts';
import { Adoption } from './former.ts';
import type { Adopted, FormerTable } from './former.ts';
import { Kills, VERDICT_MS, type KillResult } from './kills.ts';
import type { Outbox } from './outbox.ts';
import { Probes } from './probe.ts';
import { Releases } from './releases.ts';
import { Replays, isFromKernel } from './replays.ts';
import type { Pending } from './replays.ts';
import { Resets } from './resets.ts';
import { resetSegment } from './segments.ts';
import { Sessions } from './sessions.ts';
import { answerSynAck } from './syn-acks.ts';
import type { Giver, Takeover } from './takeover.ts';
import { Upkeep } from './upkeep.ts';

/** While something is under way, and otherwise. */
const BUSY_TICK_MS = 20;
const IDLE_TICK_MS = 250;

export interface TranslateTiming {
  agentHandoffTimeoutMs: number;
  lingerMs: number;
  idleTimeoutMs: number;
}

export interface TranslateParts {
  entries: Entries;
  bindings: Bindings;
  outbox: Outbox;
  figures: AgentFigures;
  timing: TranslateTiming;
  tell: Tell;
  /** by the index that stands in a record */
  giverAt: (index: number) => Giver | undefined;
  /** when the newest frame was sent that the peer has acknowledged (ms) */
  acknowledgedMs: (peer: string) => number;
  /** a connection that was served is over */
  ended: (entry: number, nowMs: number) => void;
  /** something that an operator should know */
  notice: (text: string) => void;
}

/**
 * Takes connections over on any kernel: replays the handshake into it, then lets the fast path
 * translate both directions.
 */
export class Translate implements Takeover {
  readonly #parts: TranslateParts;
  readonly #entries: Entries;
  readonly #replays: Replays;
  readonly #kills: Kills;
  readonly #sessions: Sessions;
  readonly #drains: Drains;
  readonly #probes: Probes;
  readonly #resets: Resets;
  readonly #outcomes: Outcomes;
  readonly #endings: Endings;
  readonly releases: Releases;
  readonly #upkeep: Upkeep;
  readonly #adoption: Adoption;
  #busyTickMs = 0;
  #idleTickMs = 0;

  constructor(parts: TranslateParts) {
    this.#parts = parts;
    this.#entries = parts.entries;
    this.#replays = new Replays(parts);
    this.#kills = new Kills(parts.entries, parts.outbox, parts.figures);
    this.#sessions = new Sessions(parts);
    this.#drains = new Drains(parts.entries);
    this.#probes = new Probes(parts.entries);
    this.#resets = new Resets(parts.entries, (entry) => this.#probe(entry, 'reset'));
    this.#outcomes = new Outcomes(parts.entries, parts.tell);
    this.#endings = new Endings(parts, this.#outcomes);
    this.releases = new Releases(parts, this.#outcomes, this.#kills);
    this.#adoption = new Adoption(parts, this.#outcomes, this.#endings, this.#kills);
    this.#upkeep = new Upkeep(parts, this.#drains, this.#probes);
  }

  get underWay(): number {
    return this.#replays.size + this.#kills.size + this.#drains.size + this.releases.size;
  }

  get open(): number {
    return this.#entries.open;
  }

  accept(handoff: Handoff, giver: Giver, nowMs: number): void {
    const { tuple, id } = handoff;
    const binding = this.#parts.bindings.find(giver.groupName, tuple.vip, tuple.vipPort);
    if (!binding) return this.#refuse(id, giver, 'no binding for its VIP and port');
    const before = this.#entries.find(tuple, binding);
    if (before !== null && this.#entries.connections.hasId(before, id)) {
      return this.#again(before, giver, nowMs);
    }
    if (before !== null) this.#replace(before, giver);
    this.#sessions.expect(handoff, binding);
    const timeoutMs = this.#parts.timing.agentHandoffTimeoutMs;
    const begun = this.#replays.begin(handoff, giver, binding, timeoutMs, nowMs);
    if (!begun) this.#refuse(id, giver, 'table full');
  }

  release(id: HandoffId, tuple: Tuple, giver: Giver, nowMs: number): boolean {
    const binding = this.#parts.bindings.find(giver.groupName, tuple.vip, tuple.vipPort);
    const entry = binding ? this.#entries.find(tuple, binding) : null;
    const { connections } = this.#entries;
    if (entry === null || !connections.hasId(entry, id)) return false;
    if (connections.record16(entry, L.RECORD_SERVER) !== giver.index) return false;
    this.#outcomes.drop(entry, id);
    if (this.#entries.over(entry)) {
      this.#parts.figures.closed += 1;
      const guesses = this.#guesses(entry);
      this.#replays.forget(entry);
      this.#kills.begin(entry, { guesses }, nowMs);
    }
    return true;
  }

  confirm(id: HandoffId, giver: Giver, of?: Confirm['of']): void {
    const confirmed = this.#outcomes.confirm(id, giver, of);
    if (!confirmed || confirmed.left !== 0) return;
    const failed = L.TERMINAL_FAILED | L.TERMINAL_FAILED_MAYBE;
    if ((confirmed.done & failed) !== 0 && !this.#kills.has(confirmed.entry)) {
      this.#entries.remove(confirmed.entry, id);
    }
  }

  reachable(giver: Giver, nowMs: number): void {
    this.#outcomes.repeatAll(giver, nowMs);
    this.releases.reachable(giver);
  }

  list(of: Giver | { groupHash: number }): ResyncEntry[] {
    const found = 'peer' in of ? this.#entries.ofGiver(of) : this.#entries.ofGroup(of.groupHash);
    return found.map((entry) => this.#entries.listed(entry));
  }

  adopt(former: FormerTable, nowMs: number): Adopted {
    return this.#adoption.adopt(former, nowMs);
  }

  packet(event: PacketEvent, nowMs: number): void {
    const { entry, idRun, idCounter } = event;
    const id = { run: idRun, counter: idCounter };
    const { connections } = this.#entries;
    if (!connections.isIndex(entry) || !connections.hasId(entry, id)) return;
    if (event.queue === L.QUEUE_CLOSED) this.#endings.closed(entry, nowMs);
    else if (event.queue === L.QUEUE_ANSWERED) this.releases.answered(entry, nowMs);
    else if (event.queue === L.QUEUE_RESET) this.#resets.reported(entry, id, nowMs);
    else if (event.queue === L.QUEUE_WATCHED) this.#sessions.packet(event, id);
    else if (event.queue === L.QUEUE_SYN_ACK) answerSynAck(this.#parts, event);
    else if (event.queue === L.QUEUE_PACKET) this.#counted(event, id, nowMs);
  }

  time(nowMs: number): number {
    if (nowMs >= this.#busyTickMs) {
      this.#busyTickMs = nowMs + BUSY_TICK_MS;
      this.#adoption.time(nowMs);
      for (const pending of this.#replays.time(nowMs)) this.#expire(pending, nowMs);
      this.#kills.time(nowMs);
      this.releases.time(nowMs);
      for (const entry of this.#drains.time(nowMs)) this.#endings.closed(entry, nowMs);
    }
    if (nowMs >= this.#idleTickMs) {
      this.#idleTickMs = nowMs + IDLE_TICK_MS;
      this.#outcomes.time(nowMs);
      this.#resets.time(nowMs);
      this.#probes.time(nowMs);
      this.#lookAfter(nowMs);
    }
    return this.underWay > 0 ? Math.min(this.#busyTickMs, this.#idleTickMs) : this.#idleTickMs;
  }

  /** No entry was made, nothing was replayed: told once. */
  #refuse(id: HandoffId, giver: Giver, reason: string): void {
    countFailure(this.#parts.figures, reason);
    this.#parts.tell(giver, { kind: 'failed', id, delivered: 'no', reason });
  }

  #again(entry: number, giver: Giver, nowMs: number): void {
    if (this.#replays.at(entry) || this.#kills.has(entry)) return;
    if (this.#entries.terminal(entry) !== 0) return this.#outcomes.repeat(entry, giver, nowMs);
    const isOver = this.#entries.connections.state(entry) === L.STATE_CLOSED;
    this.#outcomes.add(entry, isOver ? L.TERMINAL_CLOSE : L.TERMINAL_READY, giver, nowMs);
  }

  /**
   * Another id for the tuple: the client has begun anew. Resets only, for the answer to a probe would
   * look to the new replay like an old connection that is still alive; that one it can end itself.
   */
  #replace(entry: number, giver: Giver): void {
    const { connections } = this.#entries;
    const id = connections.id(entry);
    this.#parts.figures.replaced += 1;
    if (connections.state(entry) !== L.STATE_CLOSED) {
      const ends = this.#entries.ends(entry);
      const resets = this.#guesses(entry).map((at) => resetSegment(ends, at));
      this.#parts.outbox.transmit(connections.worker(entry), resets);
    }
    const former = this.#parts.giverAt(connections.record16(entry, L.RECORD_SERVER));
    if (former && former.index !== giver.index && this.#entries.isOpen(entry)) {
      this.#parts.tell(former, { kind: 'closed', id, tuple: this.#entries.tuple(entry) });
    }
    this.#replays.forget(entry);
    this.#kills.forget(entry);
    this.#endings.forget(entry);
  }

  /** Where the kernel's RCV.NXT may be: before, within or behind the handed bytes. */
  #guesses(entry: number): number[] {
    const { connections } = this.#entries;
    const guesses = this.#replays.at(entry)?.replay.guesses ?? [];
    return [...new Set([connections.record32(entry, L.RECORD_CLIENT_NEXT), ...guesses])];
  }

  #counted(event: PacketEvent, id: HandoffId, nowMs: number): void {
    const { entry } = event;
    const { connections } = this.#entries;
    const state = connections.state(entry);
    if (this.#kills.has(entry)) {
      const segment = readPacket(event.packet);
      if (segment && isFromKernel(segment, this.#entries.ends(entry))) {
        this.#kills.fromKernel(entry, segment, nowMs);
      }
      return;
    }
    const pending = this.#replays.at(entry);
    if (pending) return this.#replaying(pending, event, nowMs);
    const isServed = state === L.STATE_DRAINING || state === L.STATE_FORWARD;
    if (!isServed || this.releases.stirs(entry, nowMs)) return this.#entries.giveUp(entry, id);
    this.#parts.outbox.rewrite(connections.worker(entry), entry, event.packet, event.vnet);
  }

  #replaying(pending: Pending, event: PacketEvent, nowMs: number): void {
    const outcome = this.#replays.packet(pending, event, nowMs);
    const { entry, giver, handoff } = pending;
    if (outcome === 'ready') {
      this.#drains.begin(entry, handoff.id, nowMs);
      this.#outcomes.add(entry, L.TERMINAL_READY, giver, nowMs);
    } else if (outcome === 'refused') {
      const delivered = pending.replay.delivered > 0 ? 'maybe' : 'no';
      this.#replays.forget(entry);
      this.#endings.fail(pending, delivered, 'the server reset it', nowMs);
      this.#entries.silence(entry, handoff.id, nowMs);
    } else if (outcome === 'expired') this.#expire(pending, nowMs);
  }

  /** Only the kernel knows what it got: it is asked, and made to forget the connection. */
  #expire(pending: Pending, nowMs: number): void {
    const { entry, replay } = pending;
    const sentData = replay.kernel !== null;
    const reason = sentData ? 'the server did not take the request' : 'the server did not answer';
    const told = ({ confirmed, acknowledged }: KillResult) => {
      const unknown = !confirmed || acknowledged > 0 || replay.delivered > 0;
      this.#endings.fail(pending, sentData && unknown ? 'maybe' : 'no', reason, nowMs);
    };
    const guesses = this.#guesses(entry);
    this.#replays.forget(entry);
    this.#kills.begin(entry, { guesses, told, tellMs: nowMs + VERDICT_MS }, nowMs);
  }

  #lookAfter(nowMs: number): void {
    for (const entry of this.#adoption.unsure()) this.#probe(entry, 'idle');
    const isWatched = (entry: number) => !!this.#replays.at(entry) || this.#kills.has(entry);
    for (const { entry, action } of this.#upkeep.part(nowMs, isWatched)) {
      if (action === 'probe') this.#probe(entry, 'idle');
      else if (action === 'gone') this.#giveUp(entry, nowMs);
      else if (action === 'tell') this.#endings.tell(entry, nowMs);
      else this.#endings.forget(entry);
    }
  }

  /** The kernel does not answer for this connection: silently, and told as closed. */
  #giveUp(entry: number, nowMs: number): void {
    this.#parts.notice('a connection that its server no longer answers for was closed');
    const told = () => this.#endings.closed(entry, nowMs);
    this.#kills.begin(entry, { guesses: this.#guesses(entry), told }, nowMs);
  }

  #probe(entry: number, why: 'idle' | 'reset'): void {
    this.#parts.figures.probes[why] += 1;
    const worker = this.#entries.connections.worker(entry);
    this.#parts.outbox.transmit(worker, [this.#probes.packet(entry)]);
  }
}
