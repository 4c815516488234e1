import { Random } from '../../../src/lab/random.ts';
import { parseAddress } from '../network.ts';
import { Scheduler } from '../scheduler.ts';
import { Kernel } from '../tcp/kernel.ts';
import type { Socket } from '../tcp/socket.ts';
import type { LinuxStack, PlainTun } from './linux-stack.ts';

const LOSS = 0.02;
const PORT = 8001;
const LIMIT_MS = 30_000;
const CHUNK = 32_768;

/** One end's transfer: what it still has to send, what it must receive. */
class Transfer {
  sent = 0;
  received = 0;
  isWrong = false;
  hasEnded = false;
  readonly toSend: Uint8Array;
  private readonly expected: Uint8Array;

  constructor(toSend: Uint8Array, expected: Uint8Array) {
    this.toSend = toSend;
    this.expected = expected;
  }

  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte !== this.expected[this.received]) this.isWrong = true;
      this.received += 1;
    }
  }

  get isDone(): boolean {
    return this.hasEnded && this.sent === this.toSend.length;
  }

  get verdict(): string {
    if (this.isWrong) return 'wrong bytes';
    if (this.received !== this.expected.length) return `${this.received} bytes`;
    return this.hasEnded ? 'all bytes right, ended' : 'all bytes right, no end';
  }
}

/**
 * A simulated kernel on the clock of the machine talks to Linux through a TUN that loses packets
 * both ways;
 * both send `size` bytes and close.
 */
export async function exchange(
  linux: LinuxStack,
  tun: PlainTun,
  listener: 'Linux' | 'simulated',
  size: number,
): Promise<{ simulated: string; real: string }> {
  const random = new Random(size + listener.length);
  const [a, b] = [random.bytes(size), random.bytes(size)];
  const mine = new Transfer(a, b);
  const theirs = new Transfer(b, a);
  const startedMs = performance.now();
  const clock = new Scheduler(1000);
  const kernel = new Kernel(clock, random.fork(), (packet) => {
    if (!random.chance(LOSS)) tun.write(packet);
  });
  let connection = open(linux, kernel, listener, mine);
  let isShut = false;
  while (!(mine.isDone && theirs.isDone) && performance.now() - startedMs < LIMIT_MS) {
    clock.runUntil(1000 + performance.now() - startedMs);
    for (let packet = tun.read(); packet; packet = tun.read()) {
      if (packet[0] === 0x45 && packet[9] === 6 && !random.chance(LOSS)) kernel.receive(packet);
    }
    if (connection < 0) connection = linux.accept();
    if (connection >= 0) isShut = drive(linux, connection, theirs, isShut);
    await new Promise((resolve) => setImmediate(resolve));
  }
  kernel.stop();
  linux.dispose();
  return { simulated: mine.verdict, real: theirs.verdict };
}

/** The Linux connection, -1 while it must be accepted. */
function open(
  linux: LinuxStack,
  kernel: Kernel,
  listener: 'Linux' | 'simulated',
  transfer: Transfer,
): number {
  if (listener === 'Linux') {
    linux.listen(PORT, 8, 0);
    const ends = { local: parseAddress('10.99.0.2'), localPort: 30_001, remote: linux.own };
    const serve = (socket: Socket): void => use(socket, transfer);
    kernel.connect({ ...ends, remotePort: PORT }, {}, (socket) => serve(socket));
    return -1;
  }
  const queue = kernel.listen(PORT + 1, {
    backlog: 8,
    deferTimeouts: 0,
    acceptable: () => use(queue.accept()!, transfer),
  });
  return linux.connect(PORT + 1);
}

function use(socket: Socket, transfer: Transfer): void {
  const read = (): void => transfer.take(socket.read());
  socket.events = {
    readable: read,
    ended: () => {
      transfer.hasEnded = true;
      socket.close();
    },
  };
  read();
  socket.send(transfer.toSend);
  transfer.sent = transfer.toSend.length;
  socket.shutdown();
}

/** Writes and reads what can be; true when everything was written and the end was sent. */
function drive(
  linux: LinuxStack,
  connection: number,
  transfer: Transfer,
  isShut: boolean,
): boolean {
  const left = transfer.toSend.subarray(transfer.sent, transfer.sent + CHUNK);
  if (left.length > 0) transfer.sent += linux.sendSome(connection, left);
  else if (!isShut) linux.shutdown(connection);
  const got = linux.read(connection);
  if (got instanceof Uint8Array) transfer.take(got);
  else if (got === 'end') transfer.hasEnded = true;
  return isShut || left.length === 0;
}
