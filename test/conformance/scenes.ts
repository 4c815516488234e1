// What the vectors show: the fast path in both roles, the parsers, every call of the table, threads.
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { Connections } from '../../src/connections.ts';
import { writeCookieKeys } from '../../src/control/switch/cookie-keys.ts';
import { Random } from '../../src/lab/random.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { COOKIE_SEEDS, HEAD_SEEDS, HELLO_SEEDS, memoryImage, packetsTo } from '../fuzz/images.ts';
import { mapped, Recorder } from './recorder.ts';
import { addThreads } from './thread-scene.ts';

const NOW_MS = 1_005_000; // the images' connections began 5 s before
const WALL_MS = 1_700_000_000_000;
const MUTANTS = 60;
const ID = { run: 7, counter: 100 };

function slotOf(recorder: Recorder, index: number): number {
  const { view } = recorder.core;
  const worker = view.getUint32(L.HEADER_WORKER_BASE, true);
  return view.getUint32(worker + L.WORKER_SLOT_BASE, true) + index * L.SLOT_SIZE;
}

function put(recorder: Recorder, packet: Uint8Array, index = 0): number {
  const slot = slotOf(recorder, index);
  recorder.core.bytes.fill(0, slot, slot + L.SLOT_PACKET);
  recorder.core.bytes.set(packet, slot + L.SLOT_PACKET);
  recorder.core.view.setUint32(slot + L.SLOT_LENGTH, packet.length, true);
  return slot;
}

function forward(recorder: Recorder, packet: Uint8Array): Uint8Array {
  const slot = put(recorder, packet);
  recorder.call('forward', 0, 1, NOW_MS);
  const length = recorder.core.view.getUint32(slot + L.SLOT_LENGTH, true);
  return recorder.core.bytes.slice(slot + L.SLOT_PACKET, slot + L.SLOT_PACKET + length);
}

/** Each packet alone, then with one bit changed, then four at once. */
async function addPackets(recorder: Recorder, role: 'switch' | 'agent'): Promise<void> {
  await recorder.section(`${role}: packets to connections in each state`, await memoryImage(role));
  const packets = packetsTo(role);
  for (const packet of packets) forward(recorder, packet);
  recorder.note('one bit of the headers is changed');
  const random = new Random(role === 'switch' ? 1 : 2);
  for (let count = 0; count < MUTANTS; count += 1) {
    const packet = packets[random.below(packets.length)]!.slice();
    const bit = random.below(Math.min(packet.length, 80) * 8);
    packet[bit >>> 3]! ^= 1 << (bit & 7);
    forward(recorder, packet);
  }
  recorder.note('batches of four');
  for (let first = 0; first + 4 <= packets.length; first += 8) {
    packets.slice(first, first + 4).forEach((packet, index) => put(recorder, packet, index));
    recorder.call('forward', 0, 4, NOW_MS + 1000);
  }
  recorder.note('whatever the state of the entry');
  for (let entry = 0; entry < 10; entry += 1) {
    const slot = put(recorder, packets[entry % packets.length]!, 1);
    recorder.call('forwardHeld', 0, slot, entry, NOW_MS);
  }
}

/** From the SYN to the server, over the calls that control makes. */
async function addHandshake(recorder: Recorder): Promise<void> {
  await recorder.section('switch: a connection from SYN to close', mapped({}));
  writeCookieKeys(recorder.core, new Uint8Array(32), WALL_MS);
  recorder.call('initialise');
  const owner = recorder.call('nextOwner');
  const client = {
    source: Uint8Array.of(198, 51, 100, 7),
    destination: Uint8Array.of(192, 0, 2, 80),
    sourcePort: 50_000,
    destinationPort: 80,
  };
  const options = { mss: 1460, sackPermitted: true, windowScale: 7 };
  const syn = buildPacket({ ...client, sequence: 900, flags: TCP_SYN, options });
  const answer = readPacket(forward(recorder, syn))!;
  const next = { ...client, sequence: 901, acknowledgment: answer.sequence + 1, flags: TCP_ACK };
  forward(recorder, buildPacket(next));
  const payload = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const request = buildPacket({ ...next, payload });
  forward(recorder, request);
  const connections = new Connections(recorder.core.memory.buffer);
  const tuple = {
    client: client.source,
    clientPort: client.sourcePort,
    local: client.destination,
    localPort: client.destinationPort,
  };
  connections.writeTuple(tuple);
  const entry = recorder.call('lookup', L.CONTROL_TUPLE);
  recorder.call('steer', L.CONTROL_TUPLE);
  const { run, counter } = ID;
  const update = (idRun: number, idCounter: number, what: number): number =>
    recorder.call('update', owner, entry, idRun, idCounter, L.CONTROL_TEMPLATE, what);
  connections.template().id(ID).state(L.STATE_HELD);
  update(0, 0, C.UPDATE_ID | C.UPDATE_STATE);
  forward(recorder, request);
  connections
    .template()
    .server(Uint8Array.of(10, 81, 1, 1), 8080)
    .state(L.STATE_DRAINING);
  update(run, counter, C.UPDATE_SERVER | C.UPDATE_STATE);
  update(run, counter + 1, C.UPDATE_STATE);
  recorder.call('held', owner, entry, run, counter, 1);
  forward(recorder, request);
  recorder.call('sweep', owner, 0, 64, NOW_MS + 7_200_000, 3_600_000, L.CONTROL_LIST, 16);
  connections.template().state(L.STATE_CLOSED).deadline(NOW_MS);
  update(run, counter, C.UPDATE_STATE | C.UPDATE_DEADLINE);
  recorder.call('reclaim', owner, 0, 64, NOW_MS - 1);
  recorder.call('reclaim', owner, 0, 64, NOW_MS + 1);
  recorder.call('lookup', L.CONTROL_TUPLE);
}

/** Inserting until it is full, in one chain and in many, and what removes. */
async function addTable(recorder: Recorder, table: 'keyed' | 'paper'): Promise<void> {
  await recorder.section(
    `table, ${table} hash: full, and empty again`,
    mapped({ table, connections: 8 }),
  );
  recorder.call('initialise');
  const [owner, dead] = [recorder.call('nextOwner'), recorder.call('nextOwner')];
  const connections = new Connections(recorder.core.memory.buffer);
  for (let index = 0; index < 10; index += 1) {
    const host = table === 'paper' ? index & 1 : index; // XOR with the port: two chains
    connections
      .template()
      .key({
        client: Uint8Array.of(198, 51, 100, host),
        clientPort: 40_000 + host,
        local: Uint8Array.of(192, 0, 2, 80),
        localPort: 80 + index,
      })
      .server(Uint8Array.of(10, 81, 1, 1), 8080)
      .state(L.STATE_FORWARD)
      .id({ run: 7, counter: index });
    recorder.call('insert', owner, L.CONTROL_TEMPLATE);
  }
  recorder.call('remove', owner, 3, 7, 3);
  recorder.call('remove', owner, 4, 7, 9);
  recorder.call('release', owner, 5, 7, 5, 0, 0, 0);
  recorder.call('rest', owner, 0, 8, 1000, L.CONTROL_LIST, 8);
  recorder.note('the dead owner had locked the bucket of entry 0');
  const { view } = recorder.core;
  const bucket = view.getUint32(L.HEADER_BUCKET_BASE, true);
  for (let index = 0; index < 8; index += 1) {
    const at = bucket + index * L.BUCKET_SIZE + L.BUCKET_VERSION;
    if (index === 2)
      view.setUint32(at, view.getUint32(at, true) | L.VERSION_LOCKED | (dead << 1), true);
  }
  recorder.call('releaseOwner', owner, dead);
  recorder.call('sweep', owner, 0, 8, 1e9, 1000, L.CONTROL_LIST, 8);
}

async function addParsers(recorder: Recorder): Promise<void> {
  await recorder.section('parsers, cookies and checksums', mapped({ table: 'keyed' }));
  writeCookieKeys(recorder.core, new Uint8Array(32), WALL_MS);
  const at = L.CONTROL_BUFFER;
  const text = (bytes: Uint8Array): number => {
    recorder.core.bytes.fill(0, at, at + 1024);
    recorder.core.bytes.set(bytes, at);
    return bytes.length;
  };
  for (const head of HEAD_SEEDS) {
    for (const cut of [0, 1, 20]) {
      const length = Math.max(0, text(head) - cut);
      const isWhole = (recorder.call('parseHead', at, length, L.CONTROL_HEAD) | 0) > 0;
      const fields = recorder.core.view.getUint32(L.CONTROL_HEAD + C.HEAD_HEADER_COUNT, true);
      const size = C.HEAD_HEADERS + fields * C.HEAD_HEADER_SIZE;
      if (isWhole) recorder.read(L.CONTROL_HEAD, size);
    }
    recorder.call('hashTarget', at, Math.min(16, head.length));
  }
  for (const hello of HELLO_SEEDS) {
    for (const cut of [0, 1, 60]) {
      const result = recorder.call('parseHello', at, text(hello) - cut, L.CONTROL_HEAD);
      if ((result | 0) > 0) recorder.read(L.CONTROL_HEAD, C.HELLO_SIZE);
    }
  }
  for (const seed of COOKIE_SEEDS) {
    recorder.core.bytes.set(seed.subarray(0, C.TUPLE_SIZE), L.CONTROL_TUPLE);
    recorder.core.bytes[L.CONTROL_TUPLE + C.TUPLE_FAMILY] = 4;
    const epoch = recorder.core.view.getUint32(L.HEADER_COOKIE_EPOCH, true);
    const isn = recorder.call('cookieMake', L.CONTROL_TUPLE, 77, 1460, 7, 3, epoch);
    recorder.call('cookieCheck', L.CONTROL_TUPLE, 77, isn);
    recorder.call('cookieCheck', L.CONTROL_TUPLE, 78, isn);
    recorder.call('steer', L.CONTROL_TUPLE);
  }
  for (const packet of packetsTo('agent').slice(0, 12)) {
    const length = text(packet);
    recorder.core.bytes[at + length - 1]! ^= 1;
    recorder.call('verifyPacket', at, length);
    recorder.call('checksumPacket', at, length);
    recorder.call('verifyPacket', at, length);
  }
}

/** The whole text of vectors.txt. */
export async function vectorText(): Promise<string> {
  const recorder = new Recorder();
  await addHandshake(recorder);
  await addPackets(recorder, 'switch');
  await addPackets(recorder, 'agent');
  await addTable(recorder, 'keyed');
  await addTable(recorder, 'paper');
  await addParsers(recorder);
  await addThreads(recorder);
  return `${recorder.lines.join('\n')}\n`;
}
