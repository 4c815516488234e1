import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_ACK, TCP_CHECKSUM } from '../../../assembly/wire/tcp.ts';
import { VNET_NEEDS_CSUM } from '../../../assembly/wire/vnet.ts';
import { buildPacket } from '../../../src/packet/build.ts';
import { foldSum, sumWords } from '../../../src/packet/checksum.ts';
import { redirectPacket } from '../../../src/packet/redirect.ts';
import { Random } from '../../../src/lab/random.ts';

const test = suite('redirect');
const random = new Random(11);

for (const [family, size] of [
  [4, 4],
  [6, 16],
] as const) {
  test(`redirect: IPv${family}: as if it had been built for the new address`, () => {
    for (let round = 0; round < 300; round += 1) {
      const parts = {
        source: random.bytes(size),
        destination: random.bytes(size),
        sourcePort: random.below(65536),
        destinationPort: random.below(65536),
        sequence: random.next(),
        flags: TCP_ACK,
        hops: 7,
        payload: random.bytes(random.below(50)),
      };
      const address = random.pick([
        random.bytes(size),
        new Uint8Array(size),
        new Uint8Array(size).fill(255),
      ]);
      const moved = redirectPacket(buildPacket(parts), new Uint8Array(10), address, 8080);
      const built = { ...parts, destination: address, destinationPort: 8080, hops: 64 };
      assert.equal(moved, buildPacket(built));
    }
  });

  test(`redirect: IPv${family}: a partial checksum stays the sum of the pseudo header`, () => {
    const at = size === 4 ? 20 : 40;
    const addresses = size === 4 ? 12 : 8;
    const pseudo = (bytes: Uint8Array) =>
      foldSum(sumWords(bytes, addresses, at, 6 + bytes.length - at));
    for (let round = 0; round < 300; round += 1) {
      const packet = buildPacket({
        source: random.bytes(size),
        destination: random.bytes(size),
        sourcePort: 1,
        destinationPort: 80,
        sequence: 5,
        flags: TCP_ACK,
        payload: random.bytes(random.below(9)),
      });
      new DataView(packet.buffer).setUint16(at + TCP_CHECKSUM, pseudo(packet));
      const vnet = Uint8Array.of(VNET_NEEDS_CSUM, 0, 0, 0, 0, 0, at, 0, TCP_CHECKSUM, 0);
      const moved = redirectPacket(packet, vnet, random.bytes(size), 8080);
      const field = new DataView(moved.buffer).getUint16(at + TCP_CHECKSUM);
      assert.is(field % 0xffff, pseudo(moved) % 0xffff);
    }
  });
}

test.run();
