import type { Hello, Message } from '../../channel/messages.ts';
import type { Effects, Plane, PlaneEvent } from '../../event.ts';
import * as L from '../../../assembly/layout.ts';
import { packetArrived } from '../distributor/arrival.ts';
import { failed, handingDeadline, ready } from '../distributor/handoff.ts';
import { farewellDeadline } from '../distributor/refuse.ts';
import { gatherDeadline } from '../distributor/request.ts';
import { HISTOGRAM_LIMITS_MS } from '../figures.ts';
import type { Opening } from '../opening.ts';
import { LEARNING_MS, SwitchState } from '../state.ts';
import type { Server, WebSwitchOptions } from '../state.ts';
import { closed, repeatCloses } from './close.ts';
import { configure } from './configure.ts';
import { channelDown, channelUp, disown, resynced } from './resync.ts';
import { Sweep } from './sweep.ts';

/** The control plane of a host with role `switch`: distributor, dispatcher and table in one. */
export class WebSwitch implements Plane {
  private readonly state: SwitchState;
  private readonly sweep = new Sweep();

  /** The memory map and its services must have been written, the core initialised. */
  constructor(options: WebSwitchOptions) {
    this.state = new SwitchState(options);
  }

  /** Owner id under which this plane locks buckets. */
  get owner(): number {
    return this.state.owner;
  }

  receive(event: PlaneEvent, nowMs: number): Effects {
    const { state } = this;
    if (state.learningUntilMs === Infinity) state.learningUntilMs = nowMs + LEARNING_MS;
    if (event.kind === 'packet') this.packet(event, nowMs);
    else if (event.kind === 'message') this.message(event.from, event.message, nowMs);
    else if (event.kind === 'channel-up') {
      const server = state.serverNamed(event.peer);
      if (server) channelUp(state, server, event.hello, nowMs);
    } else if (event.kind === 'channel-down') {
      const server = state.serverNamed(event.peer);
      if (server) channelDown(state, server, nowMs);
    } else if (event.kind === 'config') configure(state, event.config);
    this.runDeadlines(nowMs);
    repeatCloses(state, nowMs);
    this.sweep.time(state, nowMs);
    const next = Math.min(state.deadlines.nextMs, state.owed.nextMs, this.sweep.nextMs);
    return state.takeEffects(next);
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

  /** Name of the server with that RECORD_SERVER. */
  serverName(index: number): string {
    return this.state.servers[index]?.name ?? '';
  }

  stats() {
    const { state } = this;
    const { handoffMs, ...figures } = state.figures;
    const openings = { gathering: 0, handing: 0, refused: 0, reset: 0, over: 0 };
    for (const opening of state.openings.values()) openings[opening.phase] += 1;
    return {
      ...structuredClone(figures),
      closedEvicted: state.reserve.evicted,
      pending: state.pending.size,
      waiting: state.waiting.size,
      openings,
      halfReadLimit: state.crowdLimit,
      farewellsLimit: state.crowdLimit,
      heldBytes: state.heldBytes,
      owedCloses: state.owed.size,
      servers: state.servers.map((server) => ({
        name: server.name,
        up: server.up,
        active: state.dispatcher.loads.active[server.index] ?? 0,
        ...server.figures,
      })),
      handoffMs: {
        limits: HISTOGRAM_LIMITS_MS,
        counts: [...handoffMs.counts],
        sum: handoffMs.sumMs,
      },
    };
  }

  private packet(event: PlaneEvent & { kind: 'packet' }, nowMs: number): void {
    // QUEUE_CLOSED and QUEUE_RESET are an agent's
    const isClients = event.queue === L.QUEUE_OPEN || event.queue === L.QUEUE_PACKET;
    if (isClients) packetArrived(this.state, event, nowMs);
    if (event.queue === L.QUEUE_STRAY) this.state.strays.packet(this.state, event, nowMs);
    if (event.queue === L.QUEUE_OPEN && event.options === 0) this.state.unproven.arrived();
  }

  private message(from: string, message: Message, nowMs: number): void {
    const server = this.state.serverNamed(from);
    if (server) this.serverMessage(server, message, nowMs);
  }

  private serverMessage(server: Server, message: Message, nowMs: number): void {
    const { state } = this;
    if (message.type === 'ready') ready(state, server, message, nowMs);
    else if (message.type === 'failed') {
      failed(state, server, message, nowMs);
      disown(state, server, message, nowMs);
    } else if (message.type === 'close') closed(state, server, message, nowMs);
    else if (message.type === 'confirm') {
      for (const id of message.ids) state.owed.settle(id, server.index);
    } else if (message.type === 'session') {
      state.figures.sessions += 1;
      state.affinities.set(message.key, server.index);
    } else if (message.type === 'resync') resynced(state, server, message, nowMs);
    // answers ours of a changed configuration
    else if (message.type === 'hello') server.bindings = message.bindings;
  }

  private runDeadlines(nowMs: number): void {
    const { state } = this;
    for (;;) {
      const opening = state.deadlines.takeDue(nowMs);
      if (!opening) return;
      deadline(state, opening, nowMs);
      if (opening.phase === 'over') continue;
      state.deadlines.add(opening, Math.min(opening.deadlineMs, opening.ackDueMs));
    }
  }
}

function deadline(state: SwitchState, opening: Opening, nowMs: number): void {
  if (opening.phase === 'gathering') gatherDeadline(state, opening, nowMs);
  else if (opening.phase === 'handing') handingDeadline(state, opening, nowMs);
  else if (opening.phase !== 'over') farewellDeadline(state, opening, nowMs);
}
