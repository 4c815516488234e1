// A device for workers in one process: each worker's end is a datagram socket, and all they send arrives at
// one socket in one order. Which worker a packet comes to is the test's choice, which a TUN leaves to the
// kernel. Needs a network namespace of its own, whose queues it makes long.
import { readFileSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';
import { VNET_SIZE } from '../../assembly/layout.ts';
import * as libc from '../../src/packet-io/libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = libc.O_NONBLOCK;
const FRAME_LIMIT = 65536 + VNET_SIZE;
const QUEUE_FILE = '/proc/sys/net/unix/max_dgram_qlen';
const QUEUE_LENGTH = 100_000;
const BUFFER_BYTES = 1 << 26;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;

const library = koffi.load('libc.so.6');
const socket = library.func('int socket(int family, int type, int protocol)') as (
  ...numbers: number[]
) => number;
const bind = library.func('int bind(int fd, void *address, unsigned int length)') as Call;
const connect = library.func('int connect(int fd, void *address, unsigned int length)') as Call;
const setOption = library.func(
  'int setsockopt(int fd, int level, int name, void *value, unsigned int length)',
) as (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
const sendTo = library.func(
  'intptr_t sendto(int fd, void *bytes, size_t length, int flags, void *address, unsigned int size)',
) as (...words: (number | Uint8Array)[]) => number;

type Call = (fd: number, address: Uint8Array, length: number) => number;

/** struct sockaddr_un with a name that is in no file system. */
function address(name: string): Uint8Array {
  const bytes = Buffer.concat([Buffer.from([AF_UNIX, 0, 0]), Buffer.from(name)]);
  return new Uint8Array(bytes);
}

function expectDone(result: number, what: string): void {
  if (result < 0) throw new Error(`${what}: ${libc.errnoName(libc.errno())}`);
}

export class DatagramStar {
  /** by worker; read and written like the queues of a TUN */
  readonly fds: number[];
  readonly #middle: number;
  readonly #addresses: Uint8Array[];
  readonly #frame = libc.bytesOfItsOwn(FRAME_LIMIT);
  readonly #frameAddress = libc.addressOf(this.#frame);

  constructor(workers: number) {
    writeFileSync(QUEUE_FILE, String(QUEUE_LENGTH));
    if (Number(readFileSync(QUEUE_FILE, 'utf8')) !== QUEUE_LENGTH) throw new Error(QUEUE_FILE);
    const middle = address('middle');
    this.#middle = this.#open(middle);
    this.#addresses = Array.from({ length: workers }, (_, worker) => address(`worker${worker}`));
    this.fds = this.#addresses.map((own) => this.#open(own));
    for (const fd of this.fds) expectDone(connect(fd, middle, middle.length), 'connect');
  }

  #open(own: Uint8Array): number {
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    expectDone(fd, 'socket');
    const size = new Uint8Array(new Uint32Array([BUFFER_BYTES]).buffer);
    // beyond the host's limit only for the host's root
    const isForced = setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, size, size.length) === 0;
    const done = isForced ? 0 : setOption(fd, SOL_SOCKET, SO_SNDBUF, size, size.length);
    expectDone(done, 'setsockopt');
    expectDone(bind(fd, own, own.length), 'bind');
    return fd;
  }

  /** A packet, with an empty virtio_net_hdr, for one worker. */
  send(worker: number, packet: Uint8Array): void {
    const frame = new Uint8Array(VNET_SIZE + packet.length);
    frame.set(packet, VNET_SIZE);
    const to = this.#addresses[worker]!;
    expectDone(sendTo(this.#middle, frame, frame.length, 0, to, to.length), 'sendto');
  }

  /** The oldest packet that a worker sent, if there is one. */
  receive(): Uint8Array | undefined {
    const length = libc.read(this.#middle, this.#frameAddress, FRAME_LIMIT);
    return length < VNET_SIZE ? undefined : this.#frame.slice(VNET_SIZE, length);
  }

  close(): void {
    for (const fd of [...this.fds, this.#middle]) libc.close(fd);
  }
}
