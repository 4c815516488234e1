// Sends raw IPv4 TCP packets at a held rate, 64 to a system call, and prints what it sent as JSON.
// node build/programs-raw-sender.mjs --to ADDRESS:PORT --sources FIRST:COUNT --flags syn|ack
//   --rate N --seconds S
// Rate 0 = as fast as it goes. Sources are consecutive addresses; ports (unless --port P says which) and
// sequence numbers vary with a seed.
import koffi from 'koffi';
import { parseArgs } from 'node:util';

const BATCH = 64;
const MESSAGE_SIZE = 64; // struct mmsghdr
const PACKET_SIZE = 40;
const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_RAW = 255; // implies IP_HDRINCL
const SO_SNDBUF = 7;
const SOL_SOCKET = 1;

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '192.0.2.80:80' },
    sources: { type: 'string', default: '198.18.0.0:100000' },
    port: { type: 'string', default: '0' },
    flags: { type: 'string', default: 'syn' },
    rate: { type: 'string', default: '50000' },
    seconds: { type: 'string', default: '1' },
  },
});

function addressNumber(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

const [toAddress, toPort] = values.to.split(':') as [string, string];
const [firstSource, sourceCount] = values.sources.split(':') as [string, string];
const destination = addressNumber(toAddress);
const sourcePort = Number(values.port);
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const flags = values.flags === 'syn' ? 0x02 : 0x10;

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, void*, unsigned int)');
const sendmmsg = libc.func('int sendmmsg(int, void*, unsigned int, int)');

const memory = Buffer.from(new ArrayBuffer(16 + BATCH * (MESSAGE_SIZE + 16 + PACKET_SIZE)));
const view = new DataView(memory.buffer);
const base = koffi.address(memory);
const messages = 16;
const vectors = messages + BATCH * MESSAGE_SIZE;
const packets = vectors + BATCH * 16;

/** sockaddr_in at 0; for each message: msg_name, msg_iov, one vector, one packet with constant fields. */
function prepare(): void {
  view.setUint16(0, AF_INET, true);
  view.setUint32(4, destination);
  for (let index = 0; index < BATCH; index++) {
    const message = messages + index * MESSAGE_SIZE;
    const vector = vectors + index * 16;
    const packet = packets + index * PACKET_SIZE;
    view.setBigUint64(message, base, true);
    view.setUint32(message + 8, 16, true);
    view.setBigUint64(message + 16, base + BigInt(vector), true);
    view.setBigUint64(message + 24, 1n, true);
    view.setBigUint64(vector, base + BigInt(packet), true);
    view.setBigUint64(vector + 8, BigInt(PACKET_SIZE), true);
    view.setUint16(packet, 0x4500);
    view.setUint16(packet + 2, PACKET_SIZE);
    view.setUint16(packet + 6, 0x4000);
    view.setUint16(packet + 8, 0x4006);
    view.setUint32(packet + 16, destination);
    view.setUint16(packet + 22, Number(toPort));
    view.setUint16(packet + 32, 0x5000 | flags);
    view.setUint16(packet + 34, 64240);
  }
}

let random = 0x9e3779b9;
function nextRandom(): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return random >>> 0;
}

/** Fills what varies and the TCP checksum (the kernel fills the IP checksum of IPPROTO_RAW packets). */
function vary(packet: number, source: number): void {
  view.setUint32(packet + 12, source);
  view.setUint16(packet + 20, sourcePort || 1024 + (nextRandom() % 60000));
  view.setUint32(packet + 24, nextRandom());
  view.setUint32(packet + 28, flags === 0x10 ? nextRandom() : 0);
  view.setUint16(packet + 36, 0);
  let sum = 6 + 20;
  for (let offset = 12; offset < PACKET_SIZE; offset += 2) sum += view.getUint16(packet + offset);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(packet + 36, ~sum & 0xffff);
}

function send(): { sent: number; failed: number; seconds: number } {
  const fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW) as number;
  if (fd < 0) throw new Error('raw-sender: socket refused; needs CAP_NET_RAW');
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, Buffer.from(new Uint32Array([4 << 20]).buffer), 4);
  const first = addressNumber(firstSource);
  const count = Number(sourceCount);
  const started = process.hrtime.bigint();
  let sent = 0;
  let failed = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    elapsed = Number(process.hrtime.bigint() - started) / 1e9;
    if (rate > 0 && sent + failed >= elapsed * rate) continue;
    for (let index = 0; index < BATCH; index++) {
      vary(packets + index * PACKET_SIZE, first + ((sent + failed + index) % count));
    }
    const done = sendmmsg(fd, base + BigInt(messages), BATCH, 0) as number;
    sent += Math.max(done, 0);
    failed += BATCH - Math.max(done, 0);
  }
  return { sent, failed, seconds: elapsed };
}

prepare();
console.log(JSON.stringify(send()));
