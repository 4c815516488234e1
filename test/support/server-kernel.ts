// A simulated Linux kernel with a listening server, as the agent's parts meet it: packets go in and come
// out one by one, on virtual time.
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Handoff } from '../../src/channel/messages.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import type { TcpPacket } from '../../src/packet/read.ts';
import { advance } from '../../src/packet/sequence.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { Kernel } from '../simulation/tcp/kernel.ts';
import type { Listener } from '../simulation/tcp/listener.ts';
import type { KernelOptions } from '../simulation/tcp/options.ts';
import type { Socket } from '../simulation/tcp/socket.ts';
import { Random } from '../../src/lab/random.ts';

export const CLIENT = Uint8Array.of(10, 80, 1, 2);
export const CLIENT_PORT = 40000;
export const VIP = Uint8Array.of(192, 0, 2, 80);
export const SERVICE = Uint8Array.of(10, 82, 1, 1);
export const HANDOFF = Uint8Array.of(10, 81, 1, 1);
export const ENDS = { client: CLIENT, clientPort: CLIENT_PORT, server: SERVICE, serverPort: 80 };

export const REQUEST = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');

export function makeHandoff(changes: Partial<Handoff> = {}): Handoff {
  return {
    type: 'handoff',
    id: { run: 7, counter: 1 },
    tuple: { client: CLIENT, clientPort: CLIENT_PORT, vip: VIP, vipPort: 80 },
    serverPort: 80,
    clientIsn: 0xffffff00, // wraps within the request
    switchIsn: 5000,
    switchNext: 5001,
    mss: 1460,
    clientScale: 7,
    switchScale: 7,
    sack: true,
    sessions: false,
    timestamps: true,
    timestampRecent: 1111,
    timestampSwitch: 2222,
    window: 502,
    bytes: REQUEST,
    ...changes,
  };
}

export interface ServerOptions extends Partial<KernelOptions> {
  backlog?: number;
  deferTimeouts?: number;
  /** the application accepts by itself; otherwise accept() does */
  accepts?: boolean;
  startMs?: number;
}

export class ServerKernel {
  readonly clock: Scheduler;
  readonly kernel: Kernel;
  readonly listener: Listener;
  readonly sockets: Socket[] = [];
  /** packets of the kernel that nobody took yet */
  sent: Uint8Array[] = [];

  constructor(options: ServerOptions = {}) {
    const { backlog = 16, deferTimeouts = 0, accepts = true, startMs = 10_000, ...rest } = options;
    this.clock = new Scheduler(startMs);
    const transmit = (packet: Uint8Array) => void this.sent.push(packet);
    this.kernel = new Kernel(this.clock, new Random(11), transmit, rest);
    const acceptable = () => accepts && this.accept();
    this.listener = this.kernel.listen(80, { backlog, deferTimeouts, acceptable });
  }

  accept(): void {
    for (let socket = this.listener.accept(); socket; socket = this.listener.accept()) {
      this.sockets.push(socket);
    }
  }

  take(): Uint8Array[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  /** What the newest accepted connection has received. */
  text(): string {
    return new TextDecoder().decode(this.sockets.at(-1)?.read());
  }
}

export function read(packet: Uint8Array): TcpPacket {
  const segment = readPacket(packet);
  if (!segment) throw new Error('no TCP packet');
  return segment;
}

export function readAll(packets: Uint8Array[]): TcpPacket[] {
  return packets.map(read);
}

/** A packet of the server's kernel to the client, made by hand. */
export function fromKernel(parts: Partial<PacketParts>): Uint8Array {
  return buildPacket({
    source: SERVICE,
    sourcePort: 80,
    destination: CLIENT,
    destinationPort: CLIENT_PORT,
    sequence: 0,
    flags: 0,
    window: 500,
    ...parts,
  });
}

/** A packet of the client into the server's kernel, made by hand. */
export function fromClient(parts: Partial<PacketParts>): Uint8Array {
  return buildPacket({
    source: CLIENT,
    sourcePort: CLIENT_PORT,
    destination: SERVICE,
    destinationPort: 80,
    sequence: 0,
    flags: 0,
    window: 500,
    ...parts,
  });
}

/** Opens a connection of this client port, with that first number, and sends the request on it. */
export function openPlainly(server: ServerKernel, sourcePort: number, isn: number): void {
  const receive = (parts: Partial<PacketParts>) =>
    server.kernel.receive(fromClient({ sourcePort, ...parts }));
  receive({ sequence: isn, flags: TCP_SYN, options: { mss: 1460 } });
  const acknowledgment = advance(read(server.take().at(-1)!).sequence, 1);
  const sequence = advance(isn, 1);
  receive({ sequence, acknowledgment, flags: TCP_ACK, payload: REQUEST });
}
