import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN } from '../../../assembly/wire/tcp.ts';
import { buildPacket } from '../../packet/build.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { redirectPacket } from '../../packet/redirect.ts';
import { advance, isAfter, isBefore } from '../../packet/sequence.ts';
import type { PacketEvent } from '../../event.ts';
import type { HeldPacket, Opening } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { drainEntry } from '../switch/update.ts';

/** Bookkeeping per held packet, so that empty ones are bounded too. */
const PACKET_COST = 64;

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

/** Keeps a packet of the client until the server has the connection, within the limit. */
export function hold(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  event: PacketEvent,
): void {
  const handing = opening.handing!;
  const counted = isCounted(event);
  const cost = event.packet.length + PACKET_COST;
  if (isRepeated(opening, packet) || handing.heldBytes + cost > state.heldLimit) {
    state.figures.heldDropped += 1;
    if (counted) giveUp(state, opening.entry);
    return;
  }
  state.figures.heldPackets += 1;
  handing.held.push({ packet: event.packet, vnet: event.vnet, counted });
  handing.heldBytes += cost;
  const end = advance(packet.sequence, packet.payload.length);
  const joins = !isAfter(packet.sequence, handing.clientNext);
  if (joins && isAfter(end, handing.clientNext)) handing.clientNext = end;
}

/** Nothing but bytes that are handed over already. */
function isRepeated(opening: Opening, packet: TcpPacket): boolean {
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
  const { held } = opening.handing!;
  const binding = state.bindingOf(server, tuple.vip, tuple.vipPort);
  state.forget(opening);
  if (!binding || !drainEntry(state, entry, id, binding, nowMs)) return false;
  sendFin(state, opening, binding.handoff, binding.handoffPort);
  for (const packet of held) passOn(state, entry, packet);
  opening.handing = null;
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
