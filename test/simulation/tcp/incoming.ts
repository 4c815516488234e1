import type { TcpPacket } from '../../../src/packet/read.ts';
import type { Socket } from './socket.ts';
import { ACK, FIN, RST, SYN, offsetNear } from './words.ts';

// A segment for a synchronized connection, in the order of RFC 9293 3.10.7.4 with what Linux adds:
// 1 PAWS, 2 sequence number, 3 RST, 4 SYN, 5 ACK, 6 data, 7 FIN, 8 answer.

/**
 * Offsets of a segment: its first byte, the byte behind its last (FIN counted), its acknowledgment.
 */
interface Place {
  start: number;
  end: number;
  ack: number;
}

/** Works the segment off, then tells the application what changed. */
export function receiveSynchronized(socket: Socket, packet: TcpPacket): void {
  const near = expected(socket);
  const start = offsetNear(socket.agreement.irs, near, packet.sequence);
  const hasFin = (packet.flags & FIN) !== 0;
  const place: Place = {
    start,
    end: start + packet.payload.length + (hasFin ? 1 : 0),
    ack: offsetNear(socket.agreement.iss, socket.sender.una, packet.acknowledgment),
  };
  if (!isValid(socket, packet, place)) return;
  if ((packet.flags & ACK) === 0 || !processAck(socket, packet, place)) return;
  const events = socket.events;
  if ((socket.state as string) === 'CLOSED') return;
  const before = socket.received.next;
  const hadFin = socket.finReceived;
  if (!processData(socket, packet, place)) return;
  if (hasFin) processFin(socket, place);
  socket.sender.transmit();
  if (socket.received.next > before) events.readable?.();
  if (socket.finReceived && !hadFin) events.ended?.();
}

/** The next offset expected from the peer. */
function expected(socket: Socket): number {
  return socket.received.next + (socket.finReceived ? 1 : 0);
}

/** Steps 1 to 4. What is refused is answered here. */
function isValid(socket: Socket, packet: TcpPacket, place: Place): boolean {
  const { flags } = packet;
  const next = expected(socket);
  const stamp = packet.options.timestamps;
  const isReset = (flags & RST) !== 0;
  const isSyn = (flags & SYN) !== 0;
  if (socket.agreement.timestamps && stamp && !isReset) {
    // RFC 7323 section 5.3; Linux lets a pure repeated ACK pass that was merely reordered
    const age = (socket.timestampRecent - stamp.value) | 0;
    const isPureAck = place.start === place.end && (flags & ACK) !== 0 && !isSyn;
    const isRepeated = isPureAck && place.start === next && place.ack === socket.sender.una;
    if (age > 1 && !isRepeated) {
      // from 6.14 on (tcp_disordered_ack_check) Linux does not answer pure ACKs that are merely old
      if (isPureAck && place.start < next) return false;
      socket.challenge(isSyn || place.start === place.end);
      return false;
    }
  }
  if (place.end < socket.acknowledged || place.start > Math.max(socket.rightEdge, next)) {
    if (isReset) return false;
    if (packet.payload.length > 0 && place.start < next) {
      socket.duplicate = [place.start, Math.min(place.end, next)]; // RFC 2883
    }
    socket.challenge(isSyn || place.start === place.end);
    return false;
  }
  if (isReset) {
    if (place.start === next) socket.fail('reset by peer');
    else socket.challenge(); // RFC 5961 section 3.2
    return false;
  }
  if (isSyn) {
    socket.challenge(); // RFC 5961 section 4.2
    return false;
  }
  return true;
}

function processAck(socket: Socket, packet: TcpPacket, place: Place): boolean {
  const { sender, agreement } = socket;
  if (place.ack > sender.next) {
    socket.challenge();
    return false;
  }
  const stamp = agreement.timestamps ? packet.options.timestamps : undefined;
  if (stamp && place.start <= socket.acknowledged) {
    if (((stamp.value - socket.timestampRecent) | 0) > 0) socket.timestampRecent = stamp.value;
  }
  if (place.ack < sender.una - sender.widest) {
    socket.challenge(); // RFC 5961 section 5.2
    return false;
  }
  const window = packet.window << agreement.sendScale;
  const changes = window !== sender.window;
  if (isWindowNews(socket, place, window)) {
    socket.windowSequence = place.start;
    sender.setWindow(window);
  }
  const blocks = (packet.options.sack ?? []).map(([left, right]): [number, number] => [
    offsetNear(agreement.iss, sender.una, left),
    offsetNear(agreement.iss, sender.una, right),
  ]);
  for (const [left, right] of blocks) {
    if (left >= right || right > sender.next) socket.kernel.strangeSacks += 1;
  }
  const repeats = place.start === place.end && !changes;
  sender.acknowledge(place.ack, blocks, echoAge(socket, stamp?.echo ?? 0), repeats);
  if (sender.isFinAcknowledged) finAcknowledged(socket);
  if ((socket.state as string) === 'CLOSED') return false;
  return true;
}

/**
 * RFC 9293 3.10.7.4, as Linux's tcp_may_update_window(): an old ACK tells nothing about the window.
 */
function isWindowNews(socket: Socket, place: Place, window: number): boolean {
  const { sender, windowSequence } = socket;
  if (place.ack < sender.una) return false;
  if (place.ack > sender.una || place.start > windowSequence) return true;
  return place.start === windowSequence && (window > sender.window || window === 0);
}

/** RFC 7323 section 4.1: age of the echoed timestamp in ms, -1 without one. */
function echoAge(socket: Socket, echo: number): number {
  if (echo === 0) return -1;
  const age = (socket.kernel.timestampFor(socket.ends) - echo) | 0;
  if (age >= 0 && age <= socket.kernel.clock.nowMs) return age;
  socket.kernel.strangeEchoes += 1;
  return -1;
}

function finAcknowledged(socket: Socket): void {
  if (socket.state === 'FIN-WAIT-1') socket.enterFinWait2();
  else if (socket.state === 'CLOSING') socket.enterTimeWait();
  else if (socket.state === 'LAST-ACK') socket.destroy();
}

/** Step 6; false = the connection is gone. */
function processData(socket: Socket, packet: TcpPacket, place: Place): boolean {
  const bytes = packet.payload;
  if (bytes.length === 0) return true;
  const { received } = socket;
  const end = place.start + bytes.length;
  if (socket.isOrphan && end > received.next) {
    // nobody will read it: RFC 9293 3.6.1, RFC 2525 section 2.17
    socket.kernel.reset(packet);
    socket.destroy();
    return false;
  }
  if (end <= received.next) {
    socket.duplicate = [place.start, end];
    socket.quickAcks = 16;
    socket.acknowledge();
    return true;
  }
  const room = socket.rightEdge - place.start;
  if (room <= 0 || socket.free === 0 || socket.finReceived) {
    if (room <= 0) socket.kernel.overruns += 1;
    socket.acknowledge();
    return true;
  }
  if (bytes.length > room) socket.kernel.overruns += 1;
  const hadHole = received.hasHole;
  const inOrder = received.insert(place.start, bytes.subarray(0, Math.min(bytes.length, room)));
  if (!inOrder || hadHole) {
    socket.acknowledge();
    return true;
  }
  answerLater(socket);
  return true;
}

/** RFC 9293 3.8.6.3: at least every second full segment at once, others within the delay. */
function answerLater(socket: Socket): void {
  const pending = socket.received.next - socket.acknowledged;
  if (socket.quickAcks > 0 || pending > 1460) {
    socket.quickAcks = Math.max(0, socket.quickAcks - 1);
    socket.acknowledge();
  } else if (!socket.delayedAck.isSet) {
    socket.delayedAck.setAfter(socket.kernel.options.delayedAckMs);
  }
}

/** Step 7: a FIN counts when all before it has arrived. */
function processFin(socket: Socket, place: Place): void {
  if (socket.finReceived) {
    if (place.end <= expected(socket)) socket.acknowledge();
    return;
  }
  if (place.end - 1 !== socket.received.next) return;
  socket.finReceived = true;
  if (socket.state === 'ESTABLISHED') socket.state = 'CLOSE-WAIT';
  else if (socket.state === 'FIN-WAIT-1') socket.state = 'CLOSING';
  else if (socket.state === 'FIN-WAIT-2') {
    socket.acknowledge();
    socket.enterTimeWait();
    return;
  }
  socket.acknowledge();
}
