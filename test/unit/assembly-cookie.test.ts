import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import { TCP_ACK, TCP_ECE, TCP_CWR, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { loadParts } from '../support/core-parts.ts';
import { Random } from '../../src/lab/random.ts';

const TUPLE = 4096;
const SERVICE = 8192;
const VNET = 16374;
const PACKET = 16384;
const EPOCH = 1000;
const core = loadParts();
const test = suite('cookie');

// SipHash's published outputs for the key 00 01 .. 0f and the messages 00 01 .. of 0 to 47 bytes
const PUBLISHED = [
  0x726fdb47dd0e0e31n,
  0x74f839c593dc67fdn,
  0x0d6c8009d9a94f5an,
  0x85676696d7fb7e2dn,
  0xcf2794e0277187b7n,
  0x18765564cd99a68dn,
  0xcbc9466e58fee3cen,
  0xab0200f58b01d137n,
  0x93f5f5799a932462n,
  0x9e0082df0ba9e4b0n,
  0x7a5dbbc594ddb9f3n,
  0xf4b32f46226bada7n,
  0x751e8fbc860ee5fbn,
  0x14ea5627c0843d90n,
  0xf723ca908e7af2een,
  0xa129ca6149be45e5n,
  0x3f2acc7f57c29bdbn,
  0x699ae9f52cbe4794n,
  0x4bc1b3f0968dd39cn,
  0xbb6dc91da77961bdn,
  0xbed65cf21aa2ee98n,
  0xd0f2cbb02e3b67c7n,
  0x93536795e3a33e88n,
  0xa80c038ccd5ccec8n,
  0xb8ad50c6f649af94n,
  0xbce192de8a85b8ean,
  0x17d835b85bbb15f3n,
  0x2f2e6163076bcfadn,
  0xde4daaaca71dc9a5n,
  0xa6a2506687956571n,
  0xad87a3535c49ef28n,
  0x32d892fad841c342n,
  0x7127512f72f27ccen,
  0xa7f32346f95978e3n,
  0x12e0b01abb051238n,
  0x15e034d40fa197aen,
  0x314dffbe0815a3b4n,
  0x027990f029623981n,
  0xcadcd4e59ef40c4dn,
  0x9abfd8766a33735cn,
  0x0e3ea96b5304a7d0n,
  0xad0c42d6fc585992n,
  0x187306c89bc215a9n,
  0xd4a60abcf3792b95n,
  0xf935451de4f21df2n,
  0xa9538f0419755787n,
  0xdb9acddff56ca510n,
  0xd06c98cd5c0975ebn,
];

function setEpoch(epoch: number): void {
  core.view.setUint32(L.HEADER_COOKIE_EPOCH, epoch, true);
}

function setKeys(): void {
  const keys = new Random(77).bytes(64);
  core.bytes.set(keys, L.HEADER_COOKIE_KEYS);
  core.bytes.fill(0, SERVICE, SERVICE + L.SERVICE_SIZE);
  core.bytes[SERVICE + L.SERVICE_WINDOW_SCALE] = 7;
  core.view.setUint16(SERVICE + L.SERVICE_MSS, 1400, true);
  core.view.setUint16(SERVICE + L.SERVICE_WINDOW, 16384, true);
  setEpoch(EPOCH);
}

interface Tuple {
  six: boolean;
  client: Uint8Array;
  local: Uint8Array;
  ports: [number, number];
}

function randomTuple(random: Random): Tuple {
  const six = random.chance(0.5);
  const size = six ? 16 : 4;
  const ports: [number, number] = [random.below(65536), random.below(65536)];
  return { six, client: random.bytes(size), local: random.bytes(size), ports };
}

function writeTuple({ six, client, local, ports }: Tuple): void {
  core.bytes.fill(0, TUPLE, TUPLE + C.TUPLE_SIZE);
  core.bytes.set(client, TUPLE + C.TUPLE_CLIENT_ADDRESS);
  core.bytes.set(local, TUPLE + C.TUPLE_LOCAL_ADDRESS);
  core.view.setUint16(TUPLE + C.TUPLE_CLIENT_PORT, ports[0]);
  core.view.setUint16(TUPLE + C.TUPLE_LOCAL_PORT, ports[1]);
  core.bytes[TUPLE + C.TUPLE_FAMILY] = six ? 6 : 4;
}

function place(packet: Uint8Array): [packet: number, tcp: number, end: number] {
  core.bytes.fill(0x5a, VNET, PACKET + 200);
  core.bytes.set(packet, PACKET);
  const tcp = packet[0]! >> 4 === 6 ? 40 : 20;
  return [PACKET, PACKET + tcp, PACKET + tcp + (packet[tcp + 12]! >> 4) * 4];
}

const STEPS = [536, 1300, 1440, 1460];
const roundDown = (mss: number): number => STEPS.filter((step) => step <= mss).at(-1) ?? 536;

test('siphash: the published vectors', () => {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
  PUBLISHED.forEach((published, length) => {
    bytes.fill(0);
    for (let i = 0; i < length; i++) bytes[i] = i;
    const count = Math.floor(length / 8) + 1;
    bytes[count * 8 - 1] = length;
    const words = [0, 8, 16, 24, 32, 40].map((at) => view.getBigUint64(at, true));
    const hash = BigInt.asUintN(64, core.hashWords(...key, count, ...words));
    assert.is(hash, published, `length ${length}`);
  });
});

test('cookie: every combination of options comes back, in three epochs', () => {
  setKeys();
  const random = new Random(1);
  for (const mss of [0, 216, 536, 1220, 1300, 1439, 1440, 1459, 1460, 8960, 65535]) {
    for (let scale = 0; scale < 16; scale++) {
      for (const options of [0, L.OPTION_SACK]) {
        writeTuple(randomTuple(random));
        const isn = random.next();
        for (const step of [-2, -1, 0, 1, 2]) {
          setEpoch(EPOCH);
          const cookie = core.cookieMake(TUPLE, isn, mss, scale, options, EPOCH) >>> 0;
          setEpoch(EPOCH - step);
          const wanted = 0x80000000 + roundDown(mss) + scale * 65536 + options * 0x1000000;
          const found = core.cookieCheck(TUPLE, isn, cookie) >>> 0;
          assert.is(found, Math.abs(step) < 2 ? wanted : 0);
        }
      }
    }
  }
});

test('cookie: epochs go on over the end of 32 bits', () => {
  setKeys();
  writeTuple(randomTuple(new Random(2)));
  for (const [made, now] of [
    [0xffffffff, 0],
    [0, 0xffffffff],
    [0xffffffff, 0xffffffff],
  ] as const) {
    setEpoch(now);
    const cookie = core.cookieMake(TUPLE, 5, 1460, 7, 1, made);
    assert.is.not(core.cookieCheck(TUPLE, 5, cookie), 0);
  }
});

test('cookie: one wrong bit in the cookie, the tuple or the client ISN is refused', () => {
  setKeys();
  const random = new Random(3);
  let refused = 0;
  let tried = 0;
  const check = (isn: number, cookie: number) => {
    tried++;
    refused += core.cookieCheck(TUPLE, isn, cookie) === 0 ? 1 : 0;
  };
  for (let round = 0; round < 100; round++) {
    const tuple = randomTuple(random);
    const isn = random.next();
    writeTuple(tuple);
    const cookie = core.cookieMake(TUPLE, isn, random.below(2000), random.below(16), 1, EPOCH);
    for (let bit = 0; bit < 32; bit++) {
      check(isn, cookie ^ (1 << bit));
      check(isn ^ (1 << bit), cookie);
    }
    for (let bit = 0; bit < 8 * 36; bit++) {
      const at = bit >> 3;
      const unused = tuple.six ? false : (at >= 4 && at < 16) || (at >= 20 && at < 32);
      if (unused) continue;
      core.bytes[TUPLE + at]! ^= 1 << (bit & 7);
      check(isn, cookie);
      core.bytes[TUPLE + at]! ^= 1 << (bit & 7);
    }
    core.bytes[TUPLE + C.TUPLE_FAMILY]! ^= 2;
    check(isn, cookie);
  }
  // 24 bits of MAC: a few chances in ten million
  assert.is(refused, tried);
});

for (const six of [false, true]) {
  for (let offered = 0; offered < 16; offered++) {
    const mss = offered & 1 ? { mss: 1460 } : {};
    const scale = offered & 2 ? { windowScale: 9 } : {};
    const sack = offered & 4 ? { sackPermitted: true } : {};
    const timestamps = offered & 8 ? { timestamps: { value: 0xfffffffe, echo: 0 } } : {};
    const options = { ...mss, ...scale, ...sack, ...timestamps };
    const name = `IPv${six ? 6 : 4} SYN with ${Object.keys(options).join(', ') || 'no options'}`;
    test(`cookie: ${name} is answered, and the ACK gives all back`, () => {
      setKeys();
      const { client, local } = randomTuple(new Random(offered + 4));
      const size = six ? 16 : 4;
      const ends = {
        source: new Uint8Array(16).map((_, at) => client[at % 4]!).slice(0, size),
        destination: new Uint8Array(16).map((_, at) => local[at % 4]!).slice(0, size),
        sourcePort: 40001,
        destinationPort: 80,
      };
      const flags = TCP_SYN | TCP_ECE | TCP_CWR;
      const sequence = 0xffffffff;
      const syn = buildPacket({ ...ends, sequence, flags, options, hops: 7, window: 64240 });
      const length = core.cookieAnswer(...place(syn), VNET, SERVICE, 2 ** 33 + 5.7) >>> 0;
      const answer = core.bytes.slice(PACKET, PACKET + length);
      assert.is(core.verifyPacket(PACKET, length), 1);
      assert.ok(core.bytes.subarray(VNET, VNET + 10).every((byte) => byte === 0));
      assert.ok(
        core.bytes
          .subarray(PACKET + Math.max(length, syn.length), PACKET + 200)
          .every((byte) => byte === 0x5a),
      );
      const read = readPacket(answer)!;
      assert.equal([read.source, read.destination], [ends.destination, ends.source]);
      assert.equal([read.sourcePort, read.destinationPort], [80, 40001]);
      assert.equal([read.acknowledgment, read.window, read.hops, read.urgent], [0, 16384, 64, 0]);
      assert.is(read.flags, TCP_SYN | TCP_ACK);
      assert.equal(read.options, {
        mss: 1400,
        ...(offered & 2 ? { windowScale: 7 } : {}),
        ...(offered & 4 ? { sackPermitted: true } : {}),
        ...(offered & 8 ? { timestamps: { value: 5, echo: 0xfffffffe } } : {}),
      });
      const ack = buildPacket({
        ...ends,
        sequence: 0,
        acknowledgment: (read.sequence + 1) >>> 0,
        flags: TCP_ACK,
        window: 502,
        options: offered & 8 ? { timestamps: { value: 1, echo: 5 } } : {},
      });
      const found = core.cookieCheckPacket(...place(ack)) >>> 0;
      const kept = (offered & 4 ? L.OPTION_SACK : 0) + (offered & 8 ? L.OPTION_TIMESTAMPS : 0);
      const wanted = (offered & 1 ? 1460 : 536) + (offered & 2 ? 9 : 15) * 65536 + kept * 0x1000000;
      assert.is(found, 0x80000000 + wanted);
      for (const at of [3, 4, 9]) {
        const [packet, tcp, end] = place(ack);
        core.bytes[tcp + at]! ^= 1;
        assert.is(core.cookieCheckPacket(packet, tcp, end), 0, `byte ${at}`);
      }
    });
  }
}

test('cookie: a window scale above 14 counts as 14', () => {
  setKeys();
  const syn = buildPacket({
    source: Uint8Array.of(10, 0, 0, 1),
    destination: Uint8Array.of(10, 0, 0, 2),
    sourcePort: 1,
    destinationPort: 2,
    sequence: 3,
    flags: TCP_SYN,
    options: { windowScale: 14 },
  });
  const at = syn.findIndex((byte, index) => index >= 40 && byte === 3 && syn[index + 1] === 3);
  syn[at + 2] = 255;
  core.cookieAnswer(...place(syn), VNET, SERVICE, 0);
  const isn = core.view.getUint32(PACKET + 24);
  assert.is((isn >>> 26) & 15, 14);
});

test.run();
