import { createHmac } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_COOKIE_EPOCH, HEADER_COOKIE_KEYS } from '../../../../assembly/layout.ts';
import { writeCookieKeys } from '../../../../src/control/switch/cookie-keys.ts';

const test = suite('cookie keys');
const master = Uint8Array.from({ length: 32 }, (_, index) => index);

function written(wallMs: number): Uint8Array {
  const memory = { buffer: new ArrayBuffer(4096) };
  writeCookieKeys({ memory }, master, wallMs);
  return new Uint8Array(memory.buffer);
}

test('cookie keys: previous, present and next epoch stand in their slots', () => {
  const bytes = written(1000 * 64_000 + 63_999);
  assert.is(new DataView(bytes.buffer).getUint32(HEADER_COOKIE_EPOCH, true), 1000);
  for (const epoch of [999, 1000, 1001]) {
    const message = Buffer.alloc(8);
    message.writeBigUInt64BE(BigInt(epoch));
    const digest = createHmac('sha256', master).update(message).digest();
    const slot = HEADER_COOKIE_KEYS + (epoch & 3) * 16;
    assert.equal([...bytes.subarray(slot, slot + 16)], [...digest.subarray(0, 16)]);
  }
  const empty = HEADER_COOKIE_KEYS + (1002 & 3) * 16;
  assert.ok(bytes.subarray(empty, empty + 16).every((byte) => byte === 0));
});

test('cookie keys: an epoch\u2019s key does not change when the epoch does', () => {
  const slot = HEADER_COOKIE_KEYS + (1001 & 3) * 16;
  const before = written(1000 * 64_000).slice(slot, slot + 16);
  const after = written(1001 * 64_000).slice(slot, slot + 16);
  assert.equal(before, after);
});

test.run();
