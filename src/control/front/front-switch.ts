import type { Message } from '../../channel/messages.ts';
import type { PacketEvent } from '../../event.ts';
import type { Server } from '../state.ts';
import { SwitchPlane } from '../switch/switch-plane.ts';
import type { ChannelEvent } from '../switch/switch-plane.ts';
import { packetArrived } from './dispatch.ts';
import { ended, hostDown, hostUp, listed, updated } from './hosts.ts';

/**
 * The control plane of a layer-4 switch in front of distributors (Aron et al. 2000, sections 5.2 and 5.3): a
 * connection goes to the least loaded host, and where an update says that it went on to.
 */
export class FrontSwitch extends SwitchPlane {
  /** hosts whose program was started anew, until they have listed what they have */
  private readonly listsAnew = new Set<Server>();

  protected override arrived(event: PacketEvent, nowMs: number): void {
    packetArrived(this.state, event, nowMs);
  }

  protected override heard(event: ChannelEvent, nowMs: number): void {
    const server = this.state.serverNamed(event.kind === 'message' ? event.from : event.peer);
    if (!server) return;
    if (event.kind === 'channel-up') hostUp(server, event.hello, this.listsAnew);
    else if (event.kind === 'channel-down') hostDown(server);
    else this.message(server, event.message, nowMs);
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
