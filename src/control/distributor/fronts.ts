// A distributor behind switches that read nothing: it tells them where its connections went.
import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import { FrontNotices } from '../../channel/front-notices.ts';
import type { Binding, Confirm, HandoffId, Hello, Message, Tuple } from '../../channel/messages.ts';
import { PROTOCOL_VERSION } from '../../channel/wire.ts';
import type { Server, SwitchState } from '../state.ts';

/** The switches in front, and connections that went on to other hosts. */
export class Fronts {
  readonly notices: FrontNotices;
  /** by entry: handoffs to other hosts that some switch in front has not confirmed */
  readonly #passing = new Map<number, HandoffId>();

  constructor(send: (to: string, message: Message) => void) {
    this.notices = new FrontNotices(send);
  }

  up(state: SwitchState, name: string, hello: Hello, nowMs: number): void {
    this.notices.up(name, hello.group, nowMs);
    state.sendTo(name, arrivalHello(state));
  }

  /** The services have changed. */
  tellArrivals(state: SwitchState): void {
    for (const name of this.notices.names()) state.sendTo(name, arrivalHello(state));
  }

  /** Another host's server has the connection. */
  passed(
    state: SwitchState,
    entry: number,
    { id, tuple, clientIsn }: { id: HandoffId; tuple: Tuple; clientIsn: number },
    server: Server,
    binding: Binding,
    nowMs: number,
  ): void {
    const { handoff, handoffPort } = binding;
    const where = { handoff, handoffPort, server: server.name };
    state.figures.updatesSent += 1;
    const update = { type: 'update', id, tuple, clientIsn, ...where } as const;
    this.notices.tell(update, (group) => group === state.group, nowMs);
    this.#passing.set(entry, id);
  }

  /** A connection that no agent has is over; its entry is still there. */
  ended(state: SwitchState, entry: number, nowMs: number): void {
    if (!this.notices.areThere) return;
    const clientIsn = state.connections.record32(entry, L.RECORD_CLIENT_ISN);
    const close = { type: 'close', id: state.nextId(), tuple: state.tupleOf(entry) } as const;
    this.notices.tell({ ...close, clientIsn }, (group) => group === state.group, nowMs);
  }

  confirmed(state: SwitchState, from: string, { ids, of }: Confirm): void {
    this.notices.confirm(from, ids, of);
    if (of === 'update') state.figures.updatesConfirmed += ids.length;
  }

  time(state: SwitchState, nowMs: number): void {
    this.notices.time(nowMs);
    for (const [entry, id] of this.#passing) {
      if (!this.notices.isUpdated(id) || this.#isDraining(state, entry, id)) continue;
      this.#passing.delete(entry);
      passOver(state, entry, id, nowMs);
    }
  }

  #isDraining({ connections }: SwitchState, entry: number, id: HandoffId): boolean {
    return connections.state(entry) === L.STATE_DRAINING && connections.hasId(entry, id);
  }
}

/** All switches in front send the connection's packets to its server themselves. */
function passOver(state: SwitchState, entry: number, id: HandoffId, nowMs: number): void {
  const { connections } = state;
  if (connections.state(entry) !== L.STATE_FORWARD || !connections.hasId(entry, id)) return;
  connections
    .template()
    .state(L.STATE_PASSED)
    .deadline(nowMs + state.timing.idleTimeoutMs);
  state.update(entry, id, C.UPDATE_STATE | C.UPDATE_DEADLINE);
}

/** What a switch in front must know: where this distributor takes new connections. */
function arrivalHello(state: SwitchState): Hello {
  return {
    ...state.hello(),
    version: PROTOCOL_VERSION,
    roles: ['distributor'],
    services: [],
    bindings: state.services.map(({ vip, port, arrival }) => {
      return { vip, port, handoff: arrival, handoffPort: port };
    }),
  };
}
