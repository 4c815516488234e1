import * as L from '../../../assembly/layout.ts';
import { TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { PacketEvent } from '../../event.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance } from '../../packet/sequence.ts';
import type { Template } from '../../template.ts';
import type { LocalTuple } from '../../tuple.ts';
import type { Service } from '../service.ts';
import type { SwitchState } from '../state.ts';
import { isIntact } from './held.ts';

const EXISTS = 0x80000000;
/** RFC 9293 section 3.7.1: of a SYN without the option */
const MSS_DEFAULT = 536;
const SCALE_LIMIT = 14;

/**
 * An entry for a client that has sent a SYN to be given to a server, or whose cookie is good while the
 * half-open ones are too many: it has brought data, so it goes before those that only might. HELD
 * under an id of its own.
 */
export function insertEntry(
  state: SwitchState,
  event: PacketEvent,
  packet: TcpPacket,
  key: LocalTuple,
  nowMs: number,
): number {
  const { connections, core } = state;
  const service = state.serviceAtArrival(packet.destination, packet.destinationPort);
  // nothing may be HELD for bytes that are thrown away
  if (!service || !isIntact(state, event)) return L.NO_ENTRY;
  const id = state.nextId();
  const isSyn = (packet.flags & TCP_SYN) !== 0;
  const template = isSyn
    ? synTemplate(state, packet, key, service)
    : cookieTemplate(state, event.options, packet, key, service);
  template
    .state(L.STATE_HELD)
    .entry8(L.ENTRY_WORKER, event.worker)
    .id(id)
    .created(nowMs)
    .deadline(nowMs + state.timing.gatherTimeoutMs)
    .record16(L.RECORD_SERVICE, service.row)
    .record16(L.RECORD_CLIENT_WINDOW, packet.window)
    .record32(L.RECORD_TIMESTAMP_RECENT, packet.options.timestamps?.value ?? 0)
    .record32(L.RECORD_TIMESTAMP_SWITCH, packet.options.timestamps?.echo ?? 0);
  let result = core.insert(state.owner, L.CONTROL_TEMPLATE);
  if (result === L.NO_ENTRY && !isSyn && makesRoom(state, nowMs)) {
    result = core.insert(state.owner, L.CONTROL_TEMPLATE);
  }
  const entry = result >= EXISTS ? result - EXISTS : result;
  if (!connections.isIndex(entry)) {
    state.figures.tableFull += 1;
    return L.NO_ENTRY;
  }
  if (result < EXISTS) state.firstCounter[entry] = id.counter;
  return entry;
}

/** The key under which the table has the connection of a client's packet. */
export function keyOf(packet: TcpPacket): LocalTuple {
  return {
    client: packet.source,
    clientPort: packet.sourcePort,
    local: packet.destination,
    localPort: packet.destinationPort,
  };
}

/** Whether the entry is what is left of a connection before that of the packet, a SYN or what follows it. */
export function isPast({ connections }: SwitchState, entry: number, packet: TcpPacket): boolean {
  const isn = connections.record32(entry, L.RECORD_CLIENT_ISN);
  const first = advance(isn, (packet.flags & TCP_SYN) === 0 ? 1 : 0);
  return connections.state(entry) === L.STATE_CLOSED && first !== packet.sequence;
}

/** A client that is proven goes before those that are not, and before what is over. */
function makesRoom(state: SwitchState, nowMs: number): boolean {
  const { unproven, reserve, timing } = state;
  return unproven.evict(state, nowMs) || reserve.force(nowMs, timing.lingerMs);
}

/** `cookie`: what the client's ACK held, as RING_OPTIONS. */
export function cookieTemplate(
  state: SwitchState,
  cookie: number,
  packet: TcpPacket,
  key: LocalTuple,
  service: Service,
): Template {
  const scale = (cookie >>> 16) & 0xff;
  const options = (cookie >>> 24) & 0x7f;
  return state.connections
    .template()
    .key(key)
    .flags((options & L.OPTION_TIMESTAMPS) !== 0 ? L.FLAG_TIMESTAMPS : 0)
    .entry8(L.ENTRY_SWITCH_SCALE, scale === L.SCALE_NONE ? 0 : service.windowScale)
    .record32(L.RECORD_CLIENT_ISN, advance(packet.sequence, -1))
    .record32(L.RECORD_SWITCH_ISN, advance(packet.acknowledgment, -1))
    .record16(L.RECORD_CLIENT_MSS, cookie & 0xffff)
    .record8(L.RECORD_CLIENT_SCALE, scale)
    .record8(L.RECORD_OPTIONS, options)
    .record32(L.RECORD_CLIENT_NEXT, packet.sequence)
    .record32(L.RECORD_CLIENT_ACK, packet.acknowledgment);
}

/** As if the SYN had been answered with a cookie, whose number the server's SYN-ACK will have. */
export function synTemplate(
  state: SwitchState,
  packet: TcpPacket,
  key: LocalTuple,
  service: Service,
): Template {
  const { connections, core } = state;
  const { mss = MSS_DEFAULT, windowScale, sackPermitted, timestamps } = packet.options;
  const scale = windowScale === undefined ? L.SCALE_NONE : Math.min(windowScale, SCALE_LIMIT);
  const sack = sackPermitted ? L.OPTION_SACK : 0;
  const epoch = connections.view.getUint32(L.HEADER_COOKIE_EPOCH, true);
  connections.writeTuple({ ...key, local: service.vip });
  const isn = core.cookieMake(L.CONTROL_TUPLE, packet.sequence, mss, scale, sack, epoch) >>> 0;
  return connections
    .template()
    .key(key)
    .flags(L.FLAG_UNPROVEN | (timestamps ? L.FLAG_TIMESTAMPS : 0))
    .entry8(L.ENTRY_SWITCH_SCALE, scale === L.SCALE_NONE ? 0 : service.windowScale)
    .record32(L.RECORD_CLIENT_ISN, packet.sequence)
    .record32(L.RECORD_SWITCH_ISN, isn)
    .record16(L.RECORD_CLIENT_MSS, mss)
    .record8(L.RECORD_CLIENT_SCALE, scale)
    .record8(L.RECORD_OPTIONS, sack | (timestamps ? L.OPTION_TIMESTAMPS : 0))
    .record32(L.RECORD_CLIENT_NEXT, advance(packet.sequence, 1))
    .record32(L.RECORD_CLIENT_ACK, advance(isn, 1));
}
