// As many clients of a population: completes handshakes at a held rate by reading the SYN-ACKs, each
// with a bare ACK or the first bytes of a request. Its kernel must not know the clients' addresses.
// SYNs that were not answered are repeated, up to --rounds. Prints what came of it as JSON.
// node build/programs-handshakes.mjs --to ADDRESS:PORT --population NAME --count N --rate N
//   [--first N] [--payload TEXT] [--rounds N] [--finish]      --finish: answers a FIN as a client does
import koffi from 'koffi';
import { parseArgs } from 'node:util';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { Pace } from '../support/pace.ts';
import { POPULATIONS, type Population } from '../support/populations.ts';
import { RawBatch, rawTarget } from '../support/raw-batch.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_IP = 0x0008; // in network order
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const LONGEST = 2048;
const REST_SECONDS = 1;

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '192.0.2.80:80' },
    population: { type: 'string', default: 'one-port' },
    count: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    rate: { type: 'string', default: '1000' },
    payload: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    finish: { type: 'boolean', default: false },
  },
});

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, void*, unsigned int)');
const recv = libc.func('intptr_t recv(int, void*, size_t, int)');

const target = rawTarget(values.to);
const count = Number(values.count);
const first = Number(values.first);
const peerOf = POPULATIONS[values.population as Population];
const payload = Buffer.from(values.payload);
const batch = new RawBatch(target, payload);
const peers = Array.from({ length: count }, (_, index) => peerOf(first + index)).filter(
  ({ port }) => port > 0,
);
const wanted = new Set(peers.map(({ address, port }) => keyOf(address, port)));
const answered = new Set<number>();
const counts = { synAcks: 0, fins: 0, resets: 0 };

const fd = socket(AF_PACKET, SOCK_DGRAM, ETH_P_IP) as number;
if (fd < 0) throw new Error('handshakes: socket refused; needs CAP_NET_RAW');
setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, Buffer.from(new Uint32Array([32 << 20]).buffer), 4);
const received = Buffer.alloc(LONGEST);

function keyOf(address: number, port: number): number {
  return address * 65536 + port;
}

/** Takes what has come; false: nothing. */
function receive(): boolean {
  const length = Number(recv(fd, received, LONGEST, MSG_DONTWAIT));
  if (length <= 0) return false;
  if (length < 40 || received[9] !== 6 || received.readUInt32BE(12) !== target.address) return true;
  if (received.readUInt16BE(20) !== target.port) return true;
  const flags = received[33]! & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST);
  const source = received.readUInt32BE(16);
  const sourcePort = received.readUInt16BE(22);
  const key = keyOf(source, sourcePort);
  const ours = { source, sourcePort, sequence: received.readUInt32BE(28) };
  const end = received.readUInt32BE(24) + 1;
  if (flags === (TCP_SYN | TCP_ACK) && wanted.has(key)) {
    counts.synAcks += 1;
    answered.add(key);
    batch.add({ ...ours, flags: TCP_ACK, acknowledgment: end >>> 0, withPayload: true });
  } else if ((flags & TCP_FIN) !== 0) {
    counts.fins += 1;
    const text = received.readUInt16BE(2) - 20 - 4 * (received[32]! >> 4);
    const acknowledgment = (end + text) >>> 0;
    if (values.finish) batch.add({ ...ours, flags: TCP_ACK | TCP_FIN, acknowledgment });
  } else if ((flags & TCP_RST) !== 0) counts.resets += 1;
  return true;
}

/** Everything that has come, within bounds so that SYNs go out in time. */
function receiveAll(): void {
  for (let left = 4 * RawBatch.size; left > 0 && receive(); left -= 1);
  batch.flush();
}

const started = process.hrtime.bigint();
let syns = 0;
for (let round = 0; round < Number(values.rounds) && answered.size < wanted.size; round += 1) {
  const missing = peers.filter(({ address, port }) => !answered.has(keyOf(address, port)));
  const pace = new Pace(Number(values.rate));
  for (let next = 0; next < missing.length;) {
    for (let left = pace.due(next, RawBatch.size); left > 0 && next < missing.length; left -= 1) {
      const { address, port } = missing[next]!;
      // the ISN tells a repeated SYN from its first: it is the same
      const sequence = (Math.imul(address, 0x9e3779b1) ^ Math.imul(port, 0x85ebca6b)) >>> 0;
      const from = { source: address, sourcePort: port };
      batch.add({ ...from, flags: TCP_SYN, sequence, acknowledgment: 0 });
      next += 1;
      syns += 1;
    }
    batch.flush();
    receiveAll();
  }
  for (const rest = new Pace(1000); rest.seconds < REST_SECONDS;) {
    receiveAll();
    rest.due(Infinity, 1);
  }
}
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
console.log(JSON.stringify({ syns, completed: answered.size, ...counts, seconds }));
