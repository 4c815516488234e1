import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../../../assembly/wire/vnet.ts';
import { buildPacket } from '../../packet/build.ts';
import { readPacket } from '../../packet/read.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { redirectPacket } from '../../packet/redirect.ts';
import { advance, distance, isAfter, isBefore } from '../../packet/sequence.ts';
import type { PacketEvent } from '../../event.ts';
import type { HeldPacket, Opening } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { drainEntry } from '../switch/update.ts';

/** Bookkeeping per held packet, so that empty ones are bounded too. */
const PACKET_COST = 64;

/** What packets cost that are held. */
export function bytesOf(held: readonly HeldPacket[]): number {
  return held.reduce((sum, { packet }) => sum + packet.length + PACKET_COST, 0);
}
/** Bytes held for all connections together. */
const HELD_LIMIT = 64 << 20;
/** A client gets and sends no more in the time of a handoff whose answer is late. */
const SERVED_RANGE = 1 << 20;

/**
 * Whether the core counted the packet in RECORD_HELD_COUNT: it did from HELD on, that is, under a
 * handoff id. Such a packet must be sent by its entry or be given up, or DRAINING does not end.
 */
export function isCounted(event: PacketEvent): boolean {
  return event.idRun !== 0 || event.idCounter !== 0;
}

/** A counted packet that will not be sent. */
export function giveUp(state: SwitchState, entry: number): void {
  const { run, counter } = state.connections.id(entry);
  state.core.held(state.owner, entry, run, counter, 1);
}

/** Lengths and checksums are right. What the device did not compute yet cannot be checked. */
export function isIntact(
  state: SwitchState,
  { packet, vnet }: { packet: Uint8Array; vnet: Uint8Array },
): boolean {
  if ((vnet[VNET_FLAGS]! & VNET_NEEDS_CSUM) !== 0) return true;
  const { connections, core } = state;
  const fits = connections.writeBuffer(packet);
  if (fits && core.verifyPacket(L.CONTROL_BUFFER, packet.length) === 1) return true;
  state.figures.badChecksum += 1;
  return false;
}

/**
 * The client acknowledges bytes that we did not send: its server answers, so it is ready, whether
 * it could tell us or not. Packets of another connection of the same ports are far away in both
 * sequence spaces.
 */
export function isServed(state: SwitchState, { handing, gather, switchIsn }: Opening): boolean {
  const isNear = (ahead: number): boolean => ahead >= 0 && ahead < SERVED_RANGE;
  return handing!.held.some((held) => {
    const packet = readPacket(held.packet);
    if (!packet || (packet.flags & TCP_ACK) === 0) return false;
    const acknowledged = distance(packet.acknowledgment, advance(switchIsn, 2));
    const sent = distance(packet.sequence, gather.base);
    return isNear(acknowledged) && isNear(sent) && isIntact(state, held);
  });
}

/** Keeps a packet of the client until the server has the connection, within the limit. */
export function hold(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  event: PacketEvent,
): void {
  const handing = opening.handing!;
  if (isKnown(opening, packet)) return refuseToHold(state, opening, event);
  if (!holdWhole(state, opening, event)) return;
  const end = advance(packet.sequence, packet.payload.length);
  const joins = !isAfter(packet.sequence, handing.clientNext);
  if (joins && isAfter(end, handing.clientNext)) handing.clientNext = end;
}

/** Keeps a packet as it is, whatever it says. False: there is no room. */
export function holdWhole(state: SwitchState, opening: Opening, event: PacketEvent): boolean {
  const handing = opening.handing!;
  const cost = event.packet.length + PACKET_COST;
  const isFull = state.heldBytes + cost > HELD_LIMIT;
  if (isFull || handing.heldBytes + cost > state.heldLimit) {
    refuseToHold(state, opening, event);
    return false;
  }
  state.figures.heldPackets += 1;
  handing.held.push({ packet: event.packet, vnet: event.vnet, counted: isCounted(event) });
  handing.heldBytes += cost;
  state.heldBytes += cost;
  return true;
}

function refuseToHold(state: SwitchState, opening: Opening, event: PacketEvent): void {
  state.figures.heldDropped += 1;
  if (isCounted(event)) giveUp(state, opening.entry);
}

/** Its SYN over again, or nothing but bytes that are handed over already. */
function isKnown(opening: Opening, packet: TcpPacket): boolean {
  const isSyn = (packet.flags & TCP_SYN) !== 0;
  if (isSyn && packet.sequence === opening.entryIsn) return true;
  if (packet.payload.length === 0 || (packet.flags & TCP_FIN) !== 0) return false;
  const end = advance(packet.sequence, packet.payload.length);
  return !isAfter(end, opening.gather.next);
}

/**
 * The server has it: the entry gets the server's address and everything held goes out, in order,
 * each once. False: the entry is another connection's by now.
 */
export function finishHeld(
  state: SwitchState,
  opening: Opening,
  server: Server,
  nowMs: number,
): boolean {
  const { tuple, id, entry } = opening;
  const { held, proven, extent } = opening.handing!;
  const binding = state.bindingOf(server, tuple.vip, tuple.vipPort);
  state.forget(opening);
  const next = extent ? advance(opening.gather.base, extent.next) : null;
  if (!binding || !drainEntry(state, entry, id, binding, { proven, next }, nowMs)) return false;
  sendFin(state, opening, binding.handoff, binding.handoffPort);
  // whose each one is must be found out
  if (extent) return true;
  for (const packet of held) passOn(state, entry, packet);
  return true;
}

/** Sends a packet on by its entry, which has a server. */
export function passOn(state: SwitchState, entry: number, held: HeldPacket): void {
  const { connections } = state;
  const { packet, vnet } = held;
  const worker = connections.worker(entry);
  if (held.counted) return state.transmit({ worker, packet, vnet, rewrite: entry });
  const address = connections.server(entry);
  const redirected = redirectPacket(packet, vnet, address, connections.serverPort(entry));
  state.transmit({ worker, packet: redirected, vnet });
}

/** The FIN that came with the gathered bytes: they were handed over, it was not. */
function sendFin(state: SwitchState, opening: Opening, address: Uint8Array, port: number): void {
  const { tuple, client, gather, fin } = opening;
  if (fin === null || advance(gather.next, 1) !== fin || isBefore(fin, gather.base)) return;
  const timestamps = { value: client.timestampRecent, echo: client.timestampSwitch };
  const packet = buildPacket({
    source: tuple.client,
    destination: address,
    sourcePort: tuple.clientPort,
    destinationPort: port,
    sequence: gather.next,
    acknowledgment: advance(opening.switchIsn, 1),
    flags: TCP_ACK | TCP_FIN,
    window: client.window,
    options: client.timestamps ? { timestamps } : {},
  });
  state.transmit({ worker: state.connections.entry8(opening.entry, L.ENTRY_WORKER), packet });
}
