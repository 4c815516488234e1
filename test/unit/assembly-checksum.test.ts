import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadParts } from '../support/core-parts.ts';
import { Random } from '../../src/lab/random.ts';

const PACKET = 65536;
const core = loadParts();
const test = suite('checksum');

/** RFC 1071, word by word in network order. */
function sum(bytes: Uint8Array, start = 0): number {
  let total = start;
  bytes.forEach((byte, index) => (total += index % 2 === 0 ? byte * 256 : byte));
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 65536);
  return total;
}

function segmentSum(packet: Uint8Array): number {
  const six = packet[0]! >> 4 === 6;
  const header = six ? 40 : (packet[0]! & 15) * 4;
  const addresses = six ? packet.subarray(8, 40) : packet.subarray(12, 20);
  const segment = packet.subarray(header);
  return sum(segment, sum(addresses) + 6 + segment.length);
}

function randomPacket(random: Random, length: number): Uint8Array {
  const packet = random.chance(0.1) ? new Uint8Array(length) : random.bytes(length);
  const view = new DataView(packet.buffer);
  const six = random.chance(0.5);
  const header = six ? 40 : 4 * random.between(5, 8);
  packet[0] = six ? 0x60 : 0x40 + header / 4;
  packet[six ? 6 : 9] = 6;
  view.setUint16(six ? 4 : 2, six ? length - header : length);
  packet[header + 12] = 16 * random.between(5, 7);
  return packet;
}

function verify(packet: Uint8Array, length = packet.length): number {
  core.bytes.set(packet, PACKET);
  return core.verifyPacket(PACKET, length);
}

function complete(packet: Uint8Array): Uint8Array {
  core.bytes.set(packet, PACKET);
  core.checksumPacket(PACKET, packet.length);
  return core.bytes.slice(PACKET, PACKET + packet.length);
}

test('checksum: a computed packet sums up to 0xffff, at every length', () => {
  const random = new Random(1);
  const lengths = Array.from({ length: 400 }, (_, index) => 80 + index);
  for (const length of [...lengths, 1500, 9001, 65535, 65534]) {
    const packet = complete(randomPacket(random, length));
    const six = packet[0]! >> 4 === 6;
    assert.is(segmentSum(packet), 0xffff);
    if (!six) assert.is(sum(packet.subarray(0, (packet[0]! & 15) * 4)), 0xffff);
    assert.is(verify(packet), 1);
  }
});

test('checksum: a field never holds 0xffff, the other zero', () => {
  const random = new Random(2);
  let zeros = 0;
  for (let round = 0; round < 200; round++) {
    const packet = randomPacket(random, 100);
    const header = packet[0]! >> 4 === 6 ? 40 : (packet[0]! & 15) * 4;
    // the last word becomes what the checksum was, so that the next checksum is zero
    packet.fill(0, 98);
    packet.set(complete(packet).subarray(header + 16, header + 18), 98);
    const field = complete(packet).subarray(header + 16, header + 18);
    assert.not.equal([...field], [255, 255]);
    zeros += field[0] === 0 && field[1] === 0 ? 1 : 0;
  }
  assert.is(zeros, 200);
});

test('checksum: one changed bit is found wherever it is', () => {
  const random = new Random(3);
  for (let round = 0; round < 300; round++) {
    const packet = complete(randomPacket(random, random.between(80, 200)));
    const six = packet[0]! >> 4 === 6;
    const at = random.between(six ? 8 : 10, packet.length - 1);
    packet[at]! ^= 1 << random.below(8);
    assert.is(verify(packet), 0, `byte ${at}`);
  }
});

test('checksum: lengths that cannot be are refused, padding is not', () => {
  const random = new Random(4);
  for (let round = 0; round < 200; round++) {
    const packet = complete(randomPacket(random, 120));
    const header = packet[0]! >> 4 === 6 ? 40 : (packet[0]! & 15) * 4;
    for (let length = 0; length < packet.length; length++) assert.is(verify(packet, length), 0);
    assert.is(verify(packet, packet.length + 6), 1);
    const short = packet.slice();
    short[header + 12] = 0x40;
    assert.is(verify(short), 0);
    const udp = packet.slice();
    udp[packet[0]! >> 4 === 6 ? 6 : 9] = 17;
    assert.is(verify(udp), 0);
    core.bytes.set(udp, PACKET);
    core.checksumPacket(PACKET, udp.length);
    assert.equal(core.bytes.slice(PACKET, PACKET + udp.length), udp);
  }
});

test.run();
