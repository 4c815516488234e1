import * as L from '../../../assembly/layout.ts';
import type { Hello } from '../../channel/messages.ts';
import type { Effects, PacketEvent, Plane, PlaneEvent } from '../../event.ts';
import { limitOf } from '../capacity.ts';
import { HISTOGRAM_LIMITS_MS } from '../figures.ts';
import { LEARNING_MS, SwitchState } from '../state.ts';
import type { WebSwitchOptions } from '../state.ts';
import { configure } from './configure.ts';
import { rebalance, shares, type Share } from './rebalance.ts';
import { reopen, setHealth, setMode } from './open-servers.ts';
import { Sweep } from './sweep.ts';

/** What channels to servers, distributors and switches tell. */
export type ChannelEvent = Extract<PlaneEvent, { kind: 'channel-up' | 'channel-down' | 'message' }>;

/** What the control planes of a switch have in common, whatever they read of requests. */
export abstract class SwitchPlane implements Plane {
  protected readonly state: SwitchState;
  protected readonly sweep: Sweep;

  /** The memory map and its services must have been written, the core initialised. */
  constructor(options: WebSwitchOptions) {
    this.state = new SwitchState(options);
    this.state.queues.configure(options.config);
    this.state.quorums.configure(options.config);
    this.sweep = new Sweep(this.state.connections.entryCount);
  }

  /** A packet of a client that a worker passed to control. */
  protected abstract arrived(event: PacketEvent, nowMs: number): void;

  /** A packet in mid-connection that no entry is for. */
  protected stray(event: PacketEvent, nowMs: number): void {
    this.state.strays.packet(this.state, event, nowMs);
  }

  protected abstract heard(event: ChannelEvent, nowMs: number): void;

  /** Does what is due; returns when the next is (ms). */
  protected time(nowMs: number): number {
    this.sweep.time(this.state, nowMs);
    return Math.min(this.sweep.nextMs, reopen(this.state, nowMs));
  }

  receive(event: PlaneEvent, nowMs: number): Effects {
    const { state } = this;
    if (state.learningUntilMs === Infinity) state.learningUntilMs = nowMs + LEARNING_MS;
    if (event.kind === 'packet') this.packet(event, nowMs);
    else if (event.kind === 'config') configure(state, event.config);
    else if (event.kind === 'mode') setMode(state, event, nowMs);
    else if (event.kind === 'health') setHealth(state, event, nowMs);
    else if (event.kind === 'rebalance') rebalance(state, nowMs);
    else if (event.kind === 'probe') state.probes.note(event, state.serverNamed(event.server));
    else if (event.kind !== 'time') this.heard(event, nowMs);
    return state.takeEffects(this.time(nowMs));
  }

  private packet(event: PacketEvent, nowMs: number): void {
    const { state } = this;
    // QUEUE_CLOSED and QUEUE_RESET are an agent's
    const isClients = event.queue === L.QUEUE_OPEN || event.queue === L.QUEUE_PACKET;
    if (isClients) this.arrived(event, nowMs);
    if (event.queue === L.QUEUE_STRAY) this.stray(event, nowMs);
    if (event.queue === L.QUEUE_OPEN && event.options === 0) state.unproven.arrived();
  }

  /** Owner id under which this plane locks buckets. */
  get owner(): number {
    return this.state.owner;
  }

  /** What this host says first on a channel to an agent; `server` names it. */
  hello(server?: string): Hello {
    const { state } = this;
    return state.hello(server === undefined ? undefined : state.serverNamed(server));
  }

  /** Whether the server has connections, or is owed messages about some. */
  isNeeded(server: string): boolean {
    const { state } = this;
    const known = state.serverNamed(server);
    if (!known) return false;
    const active = state.dispatcher.loads.active[known.index] ?? 0;
    return known.isConfigured || active > 0 || state.owed.ofServer(known.index).length > 0;
  }

  /** Requests that have begun to arrive and that no server has yet. */
  get underWay(): number {
    return this.state.halfRead.size + this.state.pending.size;
  }

  /** What each server has and what it should have, at this moment. */
  shares(): Share[] {
    return shares(this.state);
  }

  /** Name of the server with that RECORD_SERVER. */
  serverName(index: number): string {
    return this.state.servers[index]?.name ?? '';
  }

  stats() {
    const { state } = this;
    const { handoffMs, ...figures } = state.figures;
    const openings = { gathering: 0, handing: 0, following: 0, refused: 0, reset: 0, over: 0 };
    for (const opening of state.openings.values()) openings[opening.phase] += 1;
    return {
      ...structuredClone(figures),
      closedEvicted: state.reserve.evicted,
      pending: state.pending.size,
      waiting: state.waiting.size,
      queues: state.queues.views(),
      quorums: state.quorums.views(state),
      openings,
      halfReadLimit: state.crowdLimit,
      farewellsLimit: state.crowdLimit,
      heldBytes: state.heldBytes,
      owedCloses: state.owed.size,
      ...(state.owners.areThere && {
        askedForRequests: state.questions.ofRequests,
        askedForPackets: state.questions.ofPackets,
      }),
      ...(state.remote && { dispatching: state.remote.stats() }),
      servers: state.servers.map((server) => ({
        name: server.name,
        up: server.up,
        mode: server.mode,
        unhealthyIn: [...server.unhealthyIn],
        heldOff: server.heldOffUntilMs !== Infinity,
        active: state.dispatcher.loads.active[server.index] ?? 0,
        limit: limitOf(state, server),
        ...server.figures,
      })),
      handoffMs: {
        limits: HISTOGRAM_LIMITS_MS,
        counts: [...handoffMs.counts],
        sum: handoffMs.sumMs,
      },
    };
  }
}
