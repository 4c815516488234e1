import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_ACK, TCP_PSH, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { buildPacket } from '../../../src/packet/build.ts';
import { foldSum, sumWords } from '../../../src/packet/checksum.ts';
import { readPacket } from '../../../src/packet/read.ts';
import { advance, distance, isAfter, isBefore } from '../../../src/packet/sequence.ts';

const test = suite('packet');

const v4 = (last: number) => Uint8Array.of(10, 80, 1, last);
const v6 = (last: number) => Uint8Array.of(0xfd, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);

for (const [family, address] of [
  [4, v4],
  [6, v6],
] as const) {
  test(`packet: IPv${family}: what was built is read back`, () => {
    const parts = {
      source: address(1),
      destination: address(2),
      sourcePort: 40000,
      destinationPort: 80,
      sequence: 0xfffffff0,
      acknowledgment: 0x80000001,
      flags: TCP_ACK | TCP_PSH,
      window: 0xffff,
      urgent: 0,
      hops: 33,
      options: {
        timestamps: { value: 0xdeadbeef, echo: 1 },
        sack: [[0xfffffff0, 5]] as [number, number][],
      },
      payload: new TextEncoder().encode('GET / HTTP/1.1\r\n'),
    };
    const read = readPacket(buildPacket(parts))!;
    assert.is(read.family, family);
    for (const key of Object.keys(parts) as (keyof typeof parts)[]) {
      assert.equal(read[key], parts[key], key);
    }
  });

  test(`packet: IPv${family}: the checksums add up to 0xffff`, () => {
    for (const length of [0, 1, 2, 3, 1459, 1460]) {
      const payload = Uint8Array.from({ length }, (_, index) => (index * 7 + 200) & 255);
      const bytes = buildPacket({
        source: address(1),
        destination: address(2),
        sourcePort: 1,
        destinationPort: 2,
        sequence: 3,
        flags: TCP_SYN,
        options: { mss: 1460, sackPermitted: true, windowScale: 7 },
        payload,
      });
      const at = family === 4 ? 20 : 40;
      const pseudo = sumWords(bytes, family === 4 ? 12 : 8, at, 6 + bytes.length - at);
      assert.is(foldSum(sumWords(bytes, at, bytes.length, pseudo)), 0xffff);
      if (family === 4) assert.is(foldSum(sumWords(bytes, 0, 20)), 0xffff);
    }
  });
}

test('packet: SYN options are read back with and without timestamps', () => {
  for (const timestamps of [undefined, { value: 1, echo: 0 }]) {
    const options = {
      mss: 1400,
      sackPermitted: true,
      windowScale: 14,
      ...(timestamps && { timestamps }),
    };
    const read = readPacket(
      buildPacket({
        source: v4(1),
        destination: v4(2),
        sourcePort: 1,
        destinationPort: 2,
        sequence: 3,
        flags: TCP_SYN,
        options,
      }),
    )!;
    assert.equal(read.options, options);
  }
});

test('packet: truncated packets, fragments and other protocols are not read', () => {
  const whole = buildPacket({
    source: v4(1),
    destination: v4(2),
    sourcePort: 1,
    destinationPort: 2,
    sequence: 3,
    flags: TCP_SYN,
    options: { mss: 1400 },
  });
  for (let length = 0; length < whole.length; length += 1) {
    assert.is(readPacket(whole.subarray(0, length)), null);
  }
  const changed = (at: number, value: number) => {
    const copy = whole.slice();
    copy[at] = value;
    return copy;
  };
  assert.is(readPacket(changed(9, 17)), null, 'UDP');
  assert.is(readPacket(changed(6, 0x20)), null, 'more fragments');
  assert.is(readPacket(changed(7, 1)), null, 'fragment offset');
  assert.is(readPacket(changed(32, 0x40)), null, 'data offset below 5');
  assert.is(readPacket(changed(32, 0xf0)), null, 'data offset beyond the packet');
  assert.is(readPacket(changed(0, 0x55)), null, 'version 5');
});

test('packet: sequence numbers compare modulo 2^32', () => {
  assert.ok(isBefore(0xffffffff, 0));
  assert.ok(isAfter(5, 0xfffffff0));
  assert.is(distance(2, 0xfffffffe), 4);
  assert.is(advance(0xffffffff, 2), 1);
});

test.run();
