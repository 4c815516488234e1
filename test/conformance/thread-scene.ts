// Four threads on one table: each forwards packets of connections that all of them share, and makes and
// removes connections of its own. Then the time that a packet takes, on one thread.
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import { Connections } from '../../src/connections.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { Slots } from '../../src/slots.ts';
import type { LocalTuple } from '../../src/tuple.ts';
import { TCP_ACK } from '../../assembly/wire/tcp.ts';
import { toHex } from './play.ts';
import { mapped, PAGES, write, type Recorder } from './recorder.ts';

const THREADS = 4;
const TIMES = 500;
const SHARED = 4;
const ENTRIES = 16; // so few that threads meet in chains and in the pool
const BATCH = 64;
const TIMED = 20_000;
const STRIDE = 128;
const NOW_MS = 1_000_000;
const BUSY = 0x7ffffffe;
/** Behind all parts of the map: a place for each thread's template and tuple. */
const OWN = PAGES * 65536 - 65536;
const OWN_SIZE = 4096;
const OWN_TUPLE = 2048;

const VIP = Uint8Array.of(192, 0, 2, 80);
const SERVER = Uint8Array.of(10, 81, 1, 1);

const clientOf = (index: number): Uint8Array => Uint8Array.of(198, 51, 100, index);

function keyOf(index: number): LocalTuple {
  return { client: clientOf(index), clientPort: 40_000, local: VIP, localPort: 80 };
}

/** The bytes of a tuple; they stand at CONTROL_TUPLE, too. */
function tupleOf({ core }: Recorder, index: number): Uint8Array {
  new Connections(core.memory.buffer).writeTuple(keyOf(index));
  return core.bytes.slice(L.CONTROL_TUPLE, L.CONTROL_TUPLE + C.TUPLE_SIZE);
}

function template(recorder: Recorder, index: number): void {
  new Connections(recorder.core.memory.buffer)
    .template()
    .key(keyOf(index))
    .server(SERVER, 8080)
    .state(L.STATE_FORWARD)
    .entry32(L.ENTRY_LAST_SEEN, NOW_MS / 1000)
    .id({ run: 7, counter: index });
}

function packet(index: number): Uint8Array {
  return buildPacket({
    source: clientOf(index),
    sourcePort: 40_000,
    destination: VIP,
    destinationPort: 80,
    sequence: 1000 + index,
    acknowledgment: 2000,
    flags: TCP_ACK,
  });
}

/** A slot with this packet in it. */
function slot(bytes: Uint8Array): Uint8Array {
  const filled = new Uint8Array(L.SLOT_PACKET + bytes.length);
  new DataView(filled.buffer).setUint32(L.SLOT_LENGTH, bytes.length, true);
  filled.set(bytes, L.SLOT_PACKET);
  return filled;
}

function slotBase({ core }: Recorder, worker: number): number {
  return new Slots(core.memory, worker).address(0);
}

/** What the shared connections' packets become; the same in every thread. */
function forwarded(recorder: Recorder): Uint8Array[] {
  const base = slotBase(recorder, 0);
  for (let index = 0; index < SHARED; index += 1) {
    recorder.core.bytes.set(slot(packet(index)), base + index * STRIDE);
  }
  recorder.call('forward', 0, SHARED, NOW_MS);
  return Array.from({ length: SHARED }, (_, index) => {
    const at = base + index * STRIDE + L.SLOT_PACKET;
    return recorder.core.bytes.slice(at, at + packet(index).length);
  });
}

function threadLines(
  recorder: Recorder,
  thread: number,
  owner: number,
  out: Uint8Array[],
): string[] {
  const base = slotBase(recorder, thread);
  const at = (index: number): number => base + index * STRIDE;
  const index = 100 + thread;
  template(recorder, index);
  const own = OWN + thread * OWN_SIZE;
  const { bytes } = recorder.core;
  const image = bytes.slice(L.CONTROL_TEMPLATE, L.CONTROL_TEMPLATE + L.TEMPLATE_SIZE);
  const tuple = tupleOf(recorder, index);
  const shared = out.map((_, packetIndex) => write(at(packetIndex), slot(packet(packetIndex))));
  return [
    `-- thread ${thread} ${TIMES}`,
    '(',
    ...shared,
    `c forward ${thread} ${SHARED} ${NOW_MS} = ${SHARED}`,
    ')',
    ...out.map((rewritten, packetIndex) => {
      return `r ${(at(packetIndex) + L.SLOT_PACKET).toString(16)} ${toHex(rewritten)}`;
    }),
    write(own, image),
    write(own + OWN_TUPLE, tuple),
    '(',
    `c insert ${owner} ${own} = !${BUSY}`,
    ')',
    '(',
    `c remove ${owner} $ 7 ${index} = 1`,
    ')',
    '(',
    `c lookup ${own + OWN_TUPLE} = ${L.NO_ENTRY}`,
    ')',
  ];
}

/** Counts and lookups behind it all. */
function afterLines(recorder: Recorder): string[] {
  const { view } = recorder.core;
  const little = (value: number): string => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return toHex(bytes);
  };
  const free = view.getUint32(L.HEADER_FREE_COUNT, true);
  return [
    '-- together',
    `r ${L.HEADER_FREE_COUNT.toString(16)} ${little(free)}`,
    `r ${L.HEADER_FREE_LOCK.toString(16)} ${little(0)}`,
    ...Array.from({ length: SHARED }, (_, index) => {
      const tuple = tupleOf(recorder, index);
      const entry = recorder.core.lookup(L.CONTROL_TUPLE);
      return [write(L.CONTROL_TUPLE, tuple), `c lookup ${L.CONTROL_TUPLE} = ${entry}`];
    }).flat(),
  ];
}

async function begin(recorder: Recorder, name: string, workers: number, slots: number) {
  const image = mapped({ workers, slots, slotStride: STRIDE, connections: ENTRIES });
  await recorder.section(name, image);
  recorder.call('initialise');
  const owner = recorder.call('nextOwner');
  for (let index = 0; index < SHARED; index += 1) {
    template(recorder, index);
    recorder.call('insert', owner, L.CONTROL_TEMPLATE);
  }
}

export async function addThreads(recorder: Recorder): Promise<void> {
  await begin(recorder, 'four threads on one table', THREADS, SHARED);
  const out = forwarded(recorder);
  const owners = Array.from({ length: THREADS }, () => recorder.call('nextOwner'));
  const after = afterLines(recorder);
  owners.forEach((owner, thread) => {
    recorder.lines.push(...threadLines(recorder, thread, owner, out));
  });
  recorder.lines.push(...after);

  await begin(recorder, 'time of a packet', 1, BATCH);
  const base = slotBase(recorder, 0);
  for (let index = 0; index < BATCH; index += 1) {
    recorder.core.bytes.set(slot(packet(index % SHARED)), base + index * STRIDE);
  }
  recorder.written();
  const length = (BATCH * STRIDE).toString(16);
  recorder.lines.push(
    `t ${base.toString(16)} ${length} ${TIMED} ${BATCH} c forward 0 ${BATCH} ${NOW_MS} = ${BATCH}`,
  );
}
