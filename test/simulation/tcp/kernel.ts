import { buildPacket } from '../../../src/packet/build.ts';
import { foldSum, sumWords } from '../../../src/packet/checksum.ts';
import { readPacket, type TcpOptions, type TcpPacket } from '../../../src/packet/read.ts';
import type { Random } from '../../../src/lab/random.ts';
import type { Scheduler } from '../scheduler.ts';
import { Opening } from './handshake.ts';
import { receiveSynchronized } from './incoming.ts';
import { Listener, type ListenOptions } from './listener.ts';
import { LINUX, NO_SCALE, type KernelOptions } from './options.ts';
import type { Socket, SocketEvents } from './socket.ts';
import { TimeWait } from './time-wait.ts';
import { ACK, FIN, RST, SYN, endsKey, type Ends } from './words.ts';

export interface SegmentParts {
  sequence: number;
  acknowledgment: number;
  flags: number;
  window: number;
  options: TcpOptions;
  payload?: Uint8Array | undefined;
}

/**
 * The TCP of one simulated host: raw IP packets in, raw IP packets out, everything on virtual time.
 */
export class Kernel {
  readonly clock: Scheduler;
  readonly options: KernelOptions;
  checksumErrors = 0;
  /** RSTs sent because nothing here knew the segment */
  resetsSent = 0;
  /** SACK blocks of bytes that were never sent, timestamp echoes that were never sent */
  strangeSacks = 0;
  strangeEchoes = 0;
  /** segments with bytes beyond the window that was promised */
  overruns = 0;
  isOff = false;
  private readonly secret: number;
  private readonly sockets = new Map<string, Socket>();
  private readonly openings = new Map<string, Opening>();
  private readonly timeWaits = new Map<string, TimeWait>();
  private readonly listeners = new Map<number, Listener>();
  private readonly transmit: (packet: Uint8Array) => void;

  constructor(
    clock: Scheduler,
    random: Random,
    transmit: (packet: Uint8Array) => void,
    options: Partial<KernelOptions> = {},
  ) {
    this.clock = clock;
    this.transmit = transmit;
    this.options = { ...LINUX, ...options };
    this.secret = random.next();
  }

  get openSockets(): number {
    return this.sockets.size + this.openings.size;
  }

  get socketList(): Iterable<Socket> {
    return this.sockets.values();
  }

  /**
   * Bytes that a client's connection brought in order; -1 while only asked for; undefined: no
   * socket.
   */
  receivedFrom(remote: Uint8Array, remotePort: number): number | undefined {
    const isIts = (ends: Ends): boolean =>
      ends.remotePort === remotePort && ends.remote.every((byte, at) => byte === remote[at]);
    // an agent that was started anew may give the service another address
    const sockets = [...this.sockets.values()].filter(({ ends }) => isIts(ends));
    if (sockets.length > 0) return Math.max(...sockets.map(({ received }) => received.next - 1));
    for (const listener of this.listeners.values()) {
      for (const { ends } of listener.requests.values()) if (isIts(ends)) return -1;
    }
    return undefined;
  }

  listen(port: number, options: ListenOptions): Listener {
    const listener = new Listener(this, options);
    this.listeners.set(port, listener);
    return listener;
  }

  /** Starts a connection; `opened` gets the socket before `events.connected` is called. */
  connect(ends: Ends, events: SocketEvents, opened: (socket: Socket) => void): Opening {
    this.timeWaits.get(endsKey(ends))?.end();
    const opening = new Opening(this, ends, events, opened);
    this.openings.set(endsKey(ends), opening);
    return opening;
  }

  isPortFree(ends: Ends): boolean {
    const key = endsKey(ends);
    return !this.sockets.has(key) && !this.openings.has(key);
  }

  receive(bytes: Uint8Array): void {
    if (this.isOff) return;
    const packet = readPacket(bytes);
    if (!packet) return;
    if (!isChecksumRight(bytes)) {
      this.checksumErrors += 1;
      return;
    }
    const ends: Ends = {
      local: packet.destination,
      localPort: packet.destinationPort,
      remote: packet.source,
      remotePort: packet.sourcePort,
    };
    const key = endsKey(ends);
    const socket = this.sockets.get(key);
    if (socket) return receiveSynchronized(socket, packet);
    const opening = this.openings.get(key);
    if (opening) return opening.receive(packet);
    const timeWait = this.timeWaits.get(key);
    if (timeWait) return this.receiveTimeWait(timeWait, ends, packet);
    this.receiveUnknown(ends, packet);
  }

  /** Power off: nothing is sent or kept from now on. */
  stop(): void {
    this.isOff = true;
    for (const socket of this.sockets.values()) socket.destroy();
    for (const opening of this.openings.values()) opening.cancel();
    for (const timeWait of this.timeWaits.values()) timeWait.end();
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
  }

  add(socket: Socket): void {
    this.sockets.set(endsKey(socket.ends), socket);
  }

  forget(socket: Socket): void {
    const key = endsKey(socket.ends);
    if (this.sockets.get(key) === socket) this.sockets.delete(key);
  }

  forgetOpening(opening: Opening): void {
    this.openings.delete(endsKey(opening.ends));
  }

  holdTimeWait(socket: Socket): void {
    this.timeWaits.set(endsKey(socket.ends), new TimeWait(this, socket));
  }

  forgetTimeWait(timeWait: TimeWait): void {
    this.timeWaits.delete(endsKey(timeWait.ends));
  }

  send(ends: Ends, parts: SegmentParts): void {
    if (this.isOff) return;
    this.transmit(
      buildPacket({
        source: ends.local,
        destination: ends.remote,
        sourcePort: ends.localPort,
        destinationPort: ends.remotePort,
        sequence: parts.sequence,
        acknowledgment: parts.acknowledgment,
        flags: parts.flags,
        window: parts.window,
        options: parts.options,
        payload: parts.payload ?? new Uint8Array(0),
      }),
    );
  }

  /** The RST that answers a segment nobody knows (RFC 9293 3.10.7.1). */
  reset(packet: TcpPacket): void {
    this.resetsSent += 1;
    const hasAck = (packet.flags & ACK) !== 0;
    const length =
      packet.payload.length +
      ((packet.flags & SYN) !== 0 ? 1 : 0) +
      ((packet.flags & FIN) !== 0 ? 1 : 0);
    const ends: Ends = {
      local: packet.destination,
      localPort: packet.destinationPort,
      remote: packet.source,
      remotePort: packet.sourcePort,
    };
    this.send(ends, {
      sequence: hasAck ? packet.acknowledgment : 0,
      acknowledgment: hasAck ? 0 : (packet.sequence + length) >>> 0,
      flags: hasAck ? RST : RST | ACK,
      window: 0,
      options: {},
    });
  }

  /** Options of a SYN, or of a SYN-ACK to `offered`. */
  synOptions(ends: Ends, echo: number, offered?: TcpOptions): TcpOptions {
    const { options } = this;
    const made: TcpOptions = { mss: options.mss };
    if (options.sack && (!offered || offered.sackPermitted)) made.sackPermitted = true;
    if (options.timestamps && (!offered || offered.timestamps)) {
      made.timestamps = { value: this.timestampFor(ends), echo };
    }
    if (options.scale !== NO_SCALE && (!offered || offered.windowScale !== undefined)) {
      made.windowScale = options.scale;
    }
    return made;
  }

  /** RFC 6528: grows with time for the same ports, differs between ports. */
  initialSequence(ends: Ends): number {
    const ticks = Math.floor(this.clock.nowMs * 15625); // 64 ns
    return (this.mix(endsKey(ends)) + (ticks % 0x100000000)) >>> 0;
  }

  /** ms clock with an offset for each pair of hosts, as Linux has it. */
  timestampFor(ends: Ends): number {
    const offset = this.mix(ends.remote.join('.') + ends.local.join('.'));
    return (offset + Math.floor(this.clock.nowMs)) >>> 0 || 1;
  }

  private mix(text: string): number {
    let hash = this.secret ^ 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  private receiveTimeWait(timeWait: TimeWait, ends: Ends, packet: TcpPacket): void {
    const iss = timeWait.receive(packet);
    if (iss === undefined) return;
    const listener = this.listeners.get(ends.localPort);
    if (!listener) return;
    timeWait.end();
    listener.receive(ends, packet, iss);
  }

  private receiveUnknown(ends: Ends, packet: TcpPacket): void {
    const listener = this.listeners.get(ends.localPort);
    if (listener) listener.receive(ends, packet);
    else if ((packet.flags & RST) === 0) this.reset(packet);
  }
}

/** Full verification of both checksums of a TCP packet that readPacket() could read. */
export function isChecksumRight(bytes: Uint8Array): boolean {
  const isSix = bytes[0]! >> 4 === 6;
  const header = isSix ? 40 : (bytes[0]! & 15) * 4;
  const length = isSix ? 40 + ((bytes[4]! << 8) | bytes[5]!) : (bytes[2]! << 8) | bytes[3]!;
  if (!isSix && foldSum(sumWords(bytes, 0, header)) !== 0xffff) return false;
  const pseudo = sumWords(bytes, isSix ? 8 : 12, isSix ? 40 : 20, 6 + length - header);
  return foldSum(pseudo + bigEndianSum(bytes, header, length)) === 0xffff;
}

/** As sumWords(), folded, by whole words where they are aligned: much of a run is spent here. */
function bigEndianSum(bytes: Uint8Array, from: number, to: number): number {
  if (((bytes.byteOffset + from) & 1) !== 0) return foldSum(sumWords(bytes, from, to));
  const count = (to - from) >> 1;
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset + from, count);
  let sum = 0;
  for (let at = 0; at < count; at++) sum += words[at]!;
  // RFC 1071 section 2 (B): the sum does not mind the byte order of the machine
  const folded = foldSum(sum);
  const swapped = ((folded & 0xff) << 8) | (folded >> 8);
  return swapped + (((to - from) & 1) !== 0 ? bytes[to - 1]! << 8 : 0);
}
