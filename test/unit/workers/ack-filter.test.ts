import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_ECE, TCP_FIN, TCP_PSH } from '../../../assembly/wire/tcp.ts';
import { buildPacket, type PacketParts } from '../../../src/packet/build.ts';
import { AckFilter } from '../../../src/workers/ack-filter.ts';
import { Random } from '../../../src/lab/random.ts';

const FIRST_SLOT = 65536;
const SLOTS = 32;

interface Arrival extends Partial<PacketParts> {
  entry?: number;
}

const ENTRY_BASE = 1024;
const CLIENT_PORT = 40_000;
const CLIENT = Uint8Array.of(198, 51, 100, 1);
const SERVICE = Uint8Array.of(10, 82, 1, 1);
const CLIENT6 = new Uint8Array(16).fill(0x20);

function packetOf({ entry: _entry, ...parts }: Arrival): Uint8Array {
  return buildPacket({
    source: CLIENT,
    destination: SERVICE,
    sourcePort: CLIENT_PORT,
    destinationPort: 80,
    sequence: 1,
    flags: TCP_ACK,
    ...parts,
  });
}

/** Indexes of the packets that are left, in the order in which they would be sent. */
function filtered(arrivals: Arrival[]): number[] {
  const pages = Math.ceil((FIRST_SLOT + SLOTS * L.SLOT_SIZE) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages });
  const view = new DataView(memory.buffer);
  view.setUint32(L.HEADER_ENTRY_BASE, ENTRY_BASE, true);
  const slots = Uint32Array.from(arrivals, (arrival, index) => {
    const slot = FIRST_SLOT + index * L.SLOT_SIZE;
    const bytes = packetOf(arrival);
    new Uint8Array(memory.buffer).set(bytes, slot + L.SLOT_PACKET);
    view.setUint32(slot + L.SLOT_LENGTH, bytes.length, true);
    const entry = arrival.entry ?? 0;
    view.setUint32(slot + L.SLOT_ENTRY, entry, true);
    view.setUint16(ENTRY_BASE + entry * L.ENTRY_SIZE + L.ENTRY_CLIENT_PORT, CLIENT_PORT);
    return slot;
  });
  const gone: number[] = [];
  const filter = new AckFilter(memory);
  const left = filter.filter(slots, arrivals.length, (slot) => gone.push(slot));
  assert.is(left + gone.length, arrivals.length);
  return [...slots.subarray(0, left)].map((slot) => (slot - FIRST_SLOT) / L.SLOT_SIZE);
}

const timestamps = { timestamps: { value: 7, echo: 3 } };
const ackFilter = suite('ack-filter');

ackFilter('of growing ACKs of one connection the last is left', () => {
  for (const family of [{}, { source: CLIENT6, destination: CLIENT6 }]) {
    const of = (acknowledgment: number): Arrival => ({ acknowledgment, ...family });
    assert.equal(filtered([of(100), of(200), of(300)]), [2]);
  }
});

ackFilter('the comparison knows that numbers wrap', () => {
  const numbers = [0xfffffff0, 0xffffffff, 5];
  const arrivals = numbers.map((acknowledgment) => ({ acknowledgment, options: timestamps }));
  assert.equal(filtered(arrivals), [2]);
});

ackFilter('repeated ACKs stay, and one that came late', () => {
  const of = (acknowledgment: number): Arrival => ({ acknowledgment });
  assert.equal(filtered([of(100), of(100), of(100)]), [0, 1, 2]);
  assert.equal(filtered([of(300), of(200)]), [0, 1]);
});

ackFilter('an ACK that says more stays', () => {
  const last = { acknowledgment: 900 };
  const others: Arrival[] = [
    { payload: Uint8Array.of(1) },
    { flags: TCP_ACK | TCP_PSH },
    { flags: TCP_ACK | TCP_FIN },
    { flags: TCP_ACK | TCP_ECE },
    { options: { ...timestamps, sack: [[500, 600]] } },
  ];
  const arrivals = [...others.map((parts) => ({ acknowledgment: 100, ...parts })), last];
  assert.equal(filtered(arrivals), [0, 1, 2, 3, 4, 5]);
});

ackFilter('connections are kept apart, and what the server acknowledges stays', () => {
  const back = { sourcePort: 80, destinationPort: CLIENT_PORT };
  const arrivals = [
    { acknowledgment: 1, entry: 1 },
    { acknowledgment: 1, entry: 17 },
    { acknowledgment: 1, entry: 2, ...back },
    { acknowledgment: 2, entry: 2, ...back },
    { acknowledgment: 2, entry: 2 },
  ];
  assert.equal(filtered(arrivals), [0, 1, 2, 3, 4]);
});

ackFilter('random batches: what goes has a later and larger ACK, data keep their order', () => {
  const random = new Random(7);
  for (let round = 0; round < 300; round += 1) {
    const arrivals = Array.from({ length: random.between(1, SLOTS) }, () => ({
      entry: random.below(3),
      acknowledgment: random.below(6),
      payload: random.bytes(random.chance(0.3) ? 4 : 0),
    }));
    const expected = arrivals.flatMap((one, index) => {
      const isSuperseded = arrivals
        .slice(index + 1)
        .some(
          (later) =>
            later.entry === one.entry &&
            later.payload.length === 0 &&
            later.acknowledgment > one.acknowledgment,
        );
      return one.payload.length === 0 && isSuperseded ? [] : [index];
    });
    const left = filtered(arrivals);
    // an ACK that came late hides a larger one before it: then more than necessary is left
    assert.equal(
      expected.filter((index) => !left.includes(index)),
      [],
    );
    const grows = arrivals.every(({ acknowledgment }, index) =>
      arrivals.slice(0, index).every((before) => before.acknowledgment <= acknowledgment),
    );
    if (grows) assert.equal(left, expected);
    assert.equal(
      left,
      left.toSorted((a, b) => a - b),
    );
  }
});

ackFilter.run();
