import koffi from 'koffi';

const BATCH = 64;
const MESSAGE_SIZE = 64; // struct mmsghdr
const VECTOR_SIZE = 16; // struct iovec
const HEADERS = 40;
const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_RAW = 255; // implies IP_HDRINCL
const SO_SNDBUF = 7;
const SOL_SOCKET = 1;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, void*, unsigned int)');
const sendmmsg = libc.func('int sendmmsg(int, void*, unsigned int, int)');

export interface RawTarget {
  address: number;
  port: number;
}

/** `192.0.2.80` as a number. */
export function addressNumber(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** `ADDRESS:PORT` */
export function rawTarget(text: string): RawTarget {
  const [address, port] = text.split(':') as [string, string];
  return { address: addressNumber(address), port: Number(port) };
}

export interface RawSegment {
  source: number;
  sourcePort: number;
  flags: number;
  sequence: number;
  acknowledgment: number;
  /** with the batch's payload behind it */
  withPayload?: boolean;
}

/** Raw IPv4 TCP segments to one place, many to a system call; needs CAP_NET_RAW. */
export class RawBatch {
  static readonly size = BATCH;
  sent = 0;
  failed = 0;
  private readonly fd: number;
  private readonly view: DataView;
  private readonly base: bigint;
  private readonly stride: number;
  private readonly payloadLength: number;
  private readonly payloadSum: number;
  private count = 0;

  constructor(target: RawTarget, payload: Uint8Array = new Uint8Array(0)) {
    this.fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW) as number;
    if (this.fd < 0) throw new Error('raw segments: socket refused; needs CAP_NET_RAW');
    setsockopt(this.fd, SOL_SOCKET, SO_SNDBUF, Buffer.from(new Uint32Array([4 << 20]).buffer), 4);
    this.stride = (HEADERS + payload.length + 7) & ~7;
    const memory = Buffer.from(new ArrayBuffer(this.packet(BATCH)));
    this.view = new DataView(memory.buffer);
    this.base = koffi.address(memory);
    this.payloadLength = payload.length;
    this.payloadSum = sumOf(payload);
    this.view.setUint16(0, AF_INET, true);
    this.view.setUint32(4, target.address);
    for (let index = 0; index < BATCH; index += 1) this.prepare(index, target, payload);
  }

  add(segment: RawSegment): void {
    const { view, count } = this;
    const packet = this.packet(count);
    const payload = segment.withPayload === true ? this.payloadLength : 0;
    const length = HEADERS + payload;
    view.setBigUint64(this.vector(count) + 8, BigInt(length), true);
    view.setUint16(packet + 2, length);
    view.setUint32(packet + 12, segment.source);
    view.setUint16(packet + 20, segment.sourcePort);
    view.setUint32(packet + 24, segment.sequence);
    view.setUint32(packet + 28, segment.acknowledgment);
    view.setUint16(packet + 32, 0x5000 | segment.flags);
    view.setUint16(packet + 36, 0);
    // the kernel fills the IP checksum of IPPROTO_RAW packets
    let sum = 6 + 20 + payload + (payload > 0 ? this.payloadSum : 0);
    for (let at = 12; at < HEADERS; at += 2) sum += view.getUint16(packet + at);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(packet + 36, ~sum & 0xffff);
    this.count = count + 1;
    if (this.count === BATCH) this.flush();
  }

  flush(): void {
    if (this.count === 0) return;
    const { count } = this;
    const messages = this.base + BigInt(VECTOR_SIZE);
    const done = Math.max(0, sendmmsg(this.fd, messages, count, 0) as number);
    this.sent += done;
    this.failed += count - done;
    this.count = 0;
  }

  /** sockaddr_in at 0; for each segment: msg_name, msg_iov, one vector, one packet. */
  private prepare(index: number, target: RawTarget, payload: Uint8Array): void {
    const { view, base } = this;
    const message = VECTOR_SIZE + index * MESSAGE_SIZE;
    const packet = this.packet(index);
    view.setBigUint64(message, base, true);
    view.setUint32(message + 8, 16, true);
    view.setBigUint64(message + 16, base + BigInt(this.vector(index)), true);
    view.setBigUint64(message + 24, 1n, true);
    view.setBigUint64(this.vector(index), base + BigInt(packet), true);
    view.setUint16(packet, 0x4500);
    view.setUint16(packet + 6, 0x4000);
    view.setUint16(packet + 8, 0x4006);
    view.setUint32(packet + 16, target.address);
    view.setUint16(packet + 22, target.port);
    view.setUint16(packet + 34, 64240);
    new Uint8Array(view.buffer, packet + HEADERS, payload.length).set(payload);
  }

  private vector(index: number): number {
    return VECTOR_SIZE + BATCH * MESSAGE_SIZE + index * VECTOR_SIZE;
  }

  private packet(index: number): number {
    return this.vector(BATCH) + index * this.stride;
  }
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, index) => (sum += index % 2 === 0 ? byte << 8 : byte));
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}
