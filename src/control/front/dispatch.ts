// New connections at a switch in front: each goes to the distributor on the least loaded host.
import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import { TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { Address, Binding } from '../../channel/messages.ts';
import type { PacketEvent } from '../../event.ts';
import { readPacket } from '../../packet/read.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { redirectPacket } from '../../packet/redirect.ts';
import { sameAddress } from '../../tuple.ts';
import { isIntact } from '../distributor/held.ts';
import { cookieTemplate, isPast, keyOf, synTemplate } from '../distributor/insert.ts';
import { isDraining } from '../server.ts';
import type { Service } from '../service.ts';
import type { Server, SwitchState } from '../state.ts';
import { removeEntry } from '../switch/update.ts';

/** Loads that differ by no more than this factor, and one connection, count as the same. */
const NEARLY = 1.1;

interface Choice {
  server: Server;
  arrival: Binding;
}

/** A packet that a worker passed to control. */
export function packetArrived(state: SwitchState, event: PacketEvent, nowMs: number): void {
  const packet = readPacket(event.packet);
  if (!packet) {
    state.figures.malformed += 1;
    return;
  }
  const entry = locate(state, event, packet);
  if (entry !== L.NO_ENTRY && state.connections.serverPort(entry) !== 0) {
    return sendOn(
      state,
      event,
      state.connections.server(entry),
      state.connections.serverPort(entry),
    );
  }
  if (state.isLearning(nowMs)) return putOff(state, entry);
  if (entry !== L.NO_ENTRY) {
    if (dispatchEntry(state, entry)) packetArrived(state, event, nowMs);
    return;
  }
  if (event.queue === L.QUEUE_OPEN) open(state, event, packet, nowMs);
  else state.figures.stale += 1;
}

/** The client repeats it. By then the agents have told whether one of them has it. */
function putOff(state: SwitchState, entry: number): void {
  state.figures.early += 1;
  if (entry !== L.NO_ENTRY) removeEntry(state, entry, state.connections.id(entry));
}

/** The entry of the packet's connection; what is left of one before it goes. */
function locate(state: SwitchState, event: PacketEvent, packet: TcpPacket): number {
  const { connections } = state;
  const found = state.find(keyOf(packet));
  if (found === L.NO_ENTRY || event.queue !== L.QUEUE_OPEN) return found;
  if (!isPast(state, found, packet)) return found;
  removeEntry(state, found, connections.id(found));
  return L.NO_ENTRY;
}

function sendOn(state: SwitchState, event: PacketEvent, address: Address, port: number): void {
  const { worker, vnet } = event;
  state.transmit({ worker, vnet, packet: redirectPacket(event.packet, vnet, address, port) });
}

/** A client that the switch answered itself, as too many SYNs were unproven, has come back. */
export function dispatchEntry(state: SwitchState, entry: number): boolean {
  const { connections } = state;
  if (connections.state(entry) !== L.STATE_GATHERING) return false;
  const { vip, vipPort } = state.tupleOf(entry);
  const choice = choose(state, vip, vipPort);
  if (!choice) return false;
  const { server, arrival } = choice;
  connections
    .templateOf(entry)
    .state(L.STATE_FORWARD)
    .server(arrival.handoff, arrival.handoffPort)
    .id(state.nextId())
    .record16(L.RECORD_SERVER, server.index);
  const what = C.UPDATE_STATE | C.UPDATE_SERVER | C.UPDATE_ID | C.UPDATE_RECORD;
  if (!state.update(entry, connections.id(entry), what)) return false;
  count(state, server);
  return true;
}

/** A SYN, or a cookie that has no entry since the table had no room. */
function open(state: SwitchState, event: PacketEvent, packet: TcpPacket, nowMs: number): void {
  const service = state.serviceAtArrival(packet.destination, packet.destinationPort);
  if (!service || !isIntact(state, event)) return;
  const choice = choose(state, service.vip, service.port);
  if (!choice) {
    state.figures.stale += 1;
    return;
  }
  const { arrival } = choice;
  if (insert(state, event, packet, service, choice, nowMs)) {
    count(state, choice.server);
    return sendOn(state, event, arrival.handoff, arrival.handoffPort);
  }
  state.figures.tableFull += 1;
  const other = byHash(state, packet, service);
  if (other) sendOn(state, event, other.handoff, other.handoffPort);
}

function count(state: SwitchState, server: Server): void {
  state.dispatcher.adopt(server.index);
  state.figures.spread += 1;
  server.figures.handoffs += 1;
}

function insert(
  state: SwitchState,
  event: PacketEvent,
  packet: TcpPacket,
  service: Service,
  { server, arrival }: Choice,
  nowMs: number,
): boolean {
  const { connections, core } = state;
  const id = state.nextId();
  const isSyn = (packet.flags & TCP_SYN) !== 0;
  const key = keyOf(packet);
  const fill = (): number => {
    const template = isSyn
      ? synTemplate(state, packet, key, service)
      : cookieTemplate(state, event.options, packet, key, service);
    template
      .state(isSyn ? L.STATE_UNPROVEN : L.STATE_FORWARD)
      .server(arrival.handoff, arrival.handoffPort)
      .entry8(L.ENTRY_WORKER, event.worker)
      .entry32(L.ENTRY_LAST_SEEN, Math.floor(nowMs / 1000))
      .id(id)
      .created(nowMs)
      .deadline(nowMs + state.timing.gatherTimeoutMs)
      .record16(L.RECORD_SERVICE, service.row)
      .record16(L.RECORD_SERVER, server.index);
    return core.insert(state.owner, L.CONTROL_TEMPLATE);
  };
  let entry = fill();
  // whoever has shown that it gets answers goes before those that have not
  if (entry === L.NO_ENTRY && !isSyn && state.unproven.evict(state, nowMs)) entry = fill();
  if (!connections.isIndex(entry)) return false;
  if (isSyn) state.unproven.add(entry, id, nowMs);
  return true;
}

/** Hosts whose distributor can be reached and takes connections of that VIP and port. */
function usable(state: SwitchState, vip: Address, port: number): Choice[] {
  return state.servers.flatMap((server) => {
    if (!server.up || !server.isConfigured || isDraining(server)) return [];
    const arrival = server.arrivals.find(
      (each) => each.port === port && sameAddress(each.vip, vip),
    );
    return arrival ? [{ server, arrival }] : [];
  });
}

/**
 * The host with the fewest connections (Aron et al. 2000, section 5.2). Counts that are nearly the same say
 * nothing about load, since updates move them about: of such hosts the one that was given fewer so far, so
 * that distributors get equal shares of the work.
 */
function choose(state: SwitchState, vip: Address, port: number): Choice | undefined {
  const { active } = state.dispatcher.loads;
  const load = ({ index, weight }: Server): number => (active[index]! + 1) / weight;
  const given = ({ figures, weight }: Server): number => figures.handoffs / weight;
  const choices = usable(state, vip, port);
  const least = Math.min(...choices.map(({ server }) => load(server)));
  let chosen: Choice | undefined;
  for (const choice of choices) {
    if (load(choice.server) > least * NEARLY + 1 / choice.server.weight) continue;
    if (!chosen || given(choice.server) < given(chosen.server)) chosen = choice;
  }
  return chosen;
}

/** Without an entry all packets of a connection must find the same host. */
function byHash(
  state: SwitchState,
  packet: TcpPacket,
  { vip, port }: Service,
): Binding | undefined {
  const choices = usable(state, vip, port);
  state.connections.writeTuple(keyOf(packet));
  const hash = state.core.steer(L.CONTROL_TUPLE) >>> 0;
  return choices[hash % Math.max(1, choices.length)]?.arrival;
}
