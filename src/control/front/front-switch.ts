import * as L from '../../../assembly/layout.ts';
import type { Message } from '../../channel/messages.ts';
import type { Effects, PlaneEvent } from '../../event.ts';
import { LEARNING_MS } from '../state.ts';
import type { Server } from '../state.ts';
import { configure } from '../switch/configure.ts';
import { SwitchPlane } from '../switch/switch-plane.ts';
import { packetArrived } from './dispatch.ts';
import { ended, hostDown, hostUp, listed, updated } from './hosts.ts';

/**
 * The control plane of a layer-4 switch in front of distributors (Aron et al. 2000, sections 5.2 and 5.3): a
 * connection goes to the least loaded host, and where an update says that it went on to.
 */
export class FrontSwitch extends SwitchPlane {
  /** hosts whose program was started anew, until they have listed what they have */
  private readonly listsAnew = new Set<Server>();

  receive(event: PlaneEvent, nowMs: number): Effects {
    const { state } = this;
    if (state.learningUntilMs === Infinity) state.learningUntilMs = nowMs + LEARNING_MS;
    if (event.kind === 'packet') this.packet(event, nowMs);
    else if (event.kind === 'config') configure(state, event.config);
    else if (event.kind !== 'time') {
      const server = state.serverNamed(event.kind === 'message' ? event.from : event.peer);
      if (!server) return state.takeEffects(this.sweep.nextMs);
      if (event.kind === 'channel-up') hostUp(server, event.hello, this.listsAnew);
      else if (event.kind === 'channel-down') hostDown(server);
      else this.message(server, event.message, nowMs);
    }
    this.sweep.time(state, nowMs);
    return state.takeEffects(this.sweep.nextMs);
  }

  private packet(event: PlaneEvent & { kind: 'packet' }, nowMs: number): void {
    const { state } = this;
    const isClients = event.queue === L.QUEUE_OPEN || event.queue === L.QUEUE_PACKET;
    if (isClients) packetArrived(state, event, nowMs);
    if (event.queue === L.QUEUE_STRAY) state.strays.packet(state, event, nowMs);
    if (event.queue === L.QUEUE_OPEN && event.options === 0) state.unproven.arrived();
  }

  private message(server: Server, message: Message, nowMs: number): void {
    const { state } = this;
    if (message.type === 'update') updated(state, server, message, nowMs);
    else if (message.type === 'close') ended(state, server, message, nowMs);
    else if (message.type === 'resync') listed(state, server, message, this.listsAnew, nowMs);
    else if (message.type !== 'hello') return;
    else if (message.roles.includes('distributor')) server.arrivals = message.bindings;
    else server.bindings = message.bindings;
  }
}
