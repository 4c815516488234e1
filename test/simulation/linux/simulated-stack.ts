import { Random } from '../../../src/lab/random.ts';
import { parseAddress } from '../network.ts';
import { Scheduler } from '../scheduler.ts';
import { Kernel } from '../tcp/kernel.ts';
import type { Listener } from '../tcp/listener.ts';
import type { Socket } from '../tcp/socket.ts';
import type { Stack } from './stack.ts';

/** The simulated kernel as a stack under test, on virtual time. */
export class SimulatedStack implements Stack {
  readonly name = 'simulated';
  readonly own = parseAddress('10.99.0.1');
  readonly peer = parseAddress('10.99.0.2');
  readonly kernel: Kernel;
  private readonly clock = new Scheduler(100_000);
  private sent: Uint8Array[] = [];
  private listener: Listener | undefined;
  private readonly sockets: (Socket | undefined)[] = [];
  private readonly broken = new Set<number>();

  constructor(seed: number) {
    this.kernel = new Kernel(this.clock, new Random(seed), (packet) => this.sent.push(packet));
  }

  inject(packet: Uint8Array): void {
    this.kernel.receive(packet);
  }

  async pass(ms: number): Promise<void> {
    this.clock.runUntil(this.clock.nowMs + ms);
  }

  take(): Uint8Array[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  listen(port: number, backlog: number, deferSeconds: number): void {
    // Linux turns seconds into a number of SYN-ACK timeouts: 1 s, 1 + 2 s ...
    const deferTimeouts = deferSeconds === 0 ? 0 : Math.ceil(Math.log2(deferSeconds + 1));
    this.listener = this.kernel.listen(port, { backlog, deferTimeouts });
  }

  accept(): number {
    const socket = this.listener?.accept();
    return socket ? this.keep(socket) : -1;
  }

  connect(port: number): number {
    const at = this.sockets.push(undefined) - 1;
    const ends = { local: this.own, localPort: 40000 + at, remote: this.peer, remotePort: port };
    this.kernel.connect(ends, { failed: () => this.broken.add(at) }, (socket) => {
      this.sockets[at] = socket;
    });
    return at;
  }

  send(connection: number, bytes: Uint8Array): void {
    this.sockets[connection]!.send(bytes);
  }

  read(connection: number): Uint8Array | 'end' | 'reset' | undefined {
    const socket = this.sockets[connection];
    if (this.broken.has(connection)) return 'reset';
    if (!socket) return undefined;
    if (socket.received.readableBytes > 0) return socket.read();
    return socket.finReceived ? 'end' : undefined;
  }

  shutdown(connection: number): void {
    this.sockets[connection]!.shutdown();
  }

  close(connection: number): void {
    this.sockets[connection]!.close();
  }

  abort(connection: number): void {
    this.sockets[connection]!.abort();
  }

  dispose(): void {
    this.kernel.stop();
  }

  private keep(socket: Socket): number {
    const at = this.sockets.push(socket) - 1;
    socket.events = { failed: () => this.broken.add(at) };
    if (socket.state === 'CLOSED') this.broken.add(at);
    return at;
  }
}
