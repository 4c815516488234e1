import { execFileSync } from 'node:child_process';
import koffi from 'koffi';
import * as libc from '../../../src/packet-io/libc.ts';
import { parseAddress } from '../network.ts';
import type { Stack } from './stack.ts';

// linux/if_tun.h, asm-generic/socket.h, netinet/tcp.h
const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;
const AF_INET = 2;
const SOCK_STREAM_NONBLOCK = 1 | 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_DEFER_ACCEPT = 9;
const SHUT_WR = 1;

const library = koffi.load('libc.so.6');
const socketCall = library.func('int socket(int domain, int type, int protocol)');
const bindCall = library.func('int bind(int fd, void *address, int length)');
const listenCall = library.func('int listen(int fd, int backlog)');
const connectCall = library.func('int connect(int fd, void *address, int length)');
const acceptCall = library.func('int accept4(int fd, void *address, void *length, int flags)');
const optionCall = library.func(
  'int setsockopt(int fd, int level, int name, void *value, int length)',
);
const shutdownCall = library.func('int shutdown(int fd, int how)');

const BUFFER = 65536;

/** A TUN of the plain kind: whole packets of at most its MTU with full checksums. */
export class PlainTun {
  readonly fd: number;
  private readonly buffer = libc.bytesOfItsOwn(BUFFER);
  private readonly address = libc.addressOf(this.buffer);

  constructor(name: string) {
    this.fd = libc.open('/dev/net/tun', libc.O_RDWR | libc.O_NONBLOCK | libc.O_CLOEXEC);
    const request = libc.bytesOfItsOwn(40);
    request.set(new TextEncoder().encode(name));
    new DataView(request.buffer).setUint16(16, IFF_TUN_NO_PI, true);
    if (this.fd < 0 || libc.ioctlBuffer(this.fd, TUNSETIFF, request) < 0) {
      throw new Error(`cannot make the TUN ${name}: ${libc.errnoName(libc.errno())}`);
    }
    execFileSync('ip', ['link', 'set', name, 'up']);
    execFileSync('ip', ['addr', 'add', '10.99.0.1/24', 'dev', name]);
  }

  write(packet: Uint8Array): void {
    this.buffer.set(packet);
    libc.write(this.fd, this.address, packet.length);
  }

  /** The next packet that the kernel sends out, undefined when there is none now. */
  read(): Uint8Array | undefined {
    const length = libc.read(this.fd, this.address, BUFFER);
    return length > 0 ? this.buffer.slice(0, length) : undefined;
  }

  close(): void {
    libc.close(this.fd);
  }
}

function socketAddress(port: number, address: Uint8Array): Uint8Array {
  const bytes = libc.bytesOfItsOwn(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(address, 4);
  return bytes;
}

function setOption(fd: number, level: number, name: number, ...words: number[]): void {
  const value = libc.bytesOfItsOwn(4 * words.length);
  words.forEach((word, at) => new DataView(value.buffer).setInt32(4 * at, word, true));
  if (optionCall(fd, level, name, value, value.length) !== 0) {
    throw new Error(`setsockopt ${level} ${name}: ${libc.errnoName(libc.errno())}`);
  }
}

/** The kernel of this network namespace as a stack under test, in real time. */
export class LinuxStack implements Stack {
  readonly name = 'Linux';
  readonly own = parseAddress('10.99.0.1');
  readonly peer = parseAddress('10.99.0.2');
  private readonly tun: PlainTun;
  private listener = -1;
  private readonly open = new Set<number>();
  private sent: Uint8Array[] = [];

  constructor(tun: PlainTun) {
    this.tun = tun;
    this.collect();
    this.sent = [];
  }

  inject(packet: Uint8Array): void {
    this.tun.write(packet);
  }

  async pass(ms: number): Promise<void> {
    const until = performance.now() + ms;
    do {
      this.collect();
      await new Promise((resolve) => setTimeout(resolve, 2));
    } while (performance.now() < until);
    this.collect();
  }

  take(): Uint8Array[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  listen(port: number, backlog: number, deferSeconds: number): void {
    this.listener = this.make();
    setOption(this.listener, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bindCall(this.listener, socketAddress(port, this.own), 16) !== 0) {
      throw new Error(`bind: ${libc.errnoName(libc.errno())}`);
    }
    if (deferSeconds > 0) setOption(this.listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, deferSeconds);
    listenCall(this.listener, backlog);
  }

  accept(): number {
    const fd = acceptCall(this.listener, null, null, 0o4000) as number;
    if (fd < 0) return -1;
    this.open.add(fd);
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
  }

  connect(port: number): number {
    const fd = this.make();
    connectCall(fd, socketAddress(port, this.peer), 16);
    return fd;
  }

  send(connection: number, bytes: Uint8Array): void {
    const written = this.sendSome(connection, bytes);
    if (written !== bytes.length) throw new Error(`send: ${written} of ${bytes.length} bytes`);
  }

  /** As many bytes as the socket takes now. */
  sendSome(connection: number, bytes: Uint8Array): number {
    const copy = libc.bytesOfItsOwn(bytes.length);
    copy.set(bytes);
    return Math.max(0, libc.write(connection, libc.addressOf(copy), copy.length));
  }

  read(connection: number): Uint8Array | 'end' | 'reset' | undefined {
    const buffer = libc.bytesOfItsOwn(BUFFER);
    const length = libc.read(connection, libc.addressOf(buffer), BUFFER);
    if (length > 0) return buffer.slice(0, length);
    if (length === 0) return 'end';
    const error = libc.errnoName(libc.errno());
    return error === 'EAGAIN' || error === 'EWOULDBLOCK' ? undefined : 'reset';
  }

  shutdown(connection: number): void {
    shutdownCall(connection, SHUT_WR);
  }

  close(connection: number): void {
    if (this.open.delete(connection)) libc.close(connection);
  }

  abort(connection: number): void {
    setOption(connection, SOL_SOCKET, SO_LINGER, 1, 0);
    this.close(connection);
  }

  dispose(): void {
    for (const fd of this.open) this.abort(fd);
    this.listener = -1;
  }

  private make(): number {
    const fd = socketCall(AF_INET, SOCK_STREAM_NONBLOCK, 0) as number;
    if (fd < 0) throw new Error(`socket: ${libc.errnoName(libc.errno())}`);
    this.open.add(fd);
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
  }

  private collect(): void {
    for (let packet = this.tun.read(); packet; packet = this.tun.read()) {
      if (packet[0] === 0x45 && packet[9] === 6) this.sent.push(packet);
    }
  }
}
