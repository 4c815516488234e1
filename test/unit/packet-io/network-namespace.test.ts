import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readCapabilities } from '../../../src/packet-io/capability-sets.ts';
import { capset } from '../../../src/packet-io/libc.ts';
import { freshNamespace } from '../../../src/packet-io/network-namespace.ts';

const test = suite('network namespace');
const CAP_SYS_ADMIN = 21n;
const VERSION_3 = 0x20080522;

/** Sets what of its rights this thread uses. */
function use(effective: bigint, permitted: bigint): void {
  const header = Uint8Array.from(new Uint8Array(Uint32Array.of(VERSION_3, 0).buffer));
  const words = [effective, permitted, 0n].map((set) => Number(set & 0xffffffffn));
  const highs = [effective, permitted, 0n].map((set) => Number(set >> 32n));
  assert.is(capset(header, new Uint8Array(Uint32Array.of(...words, ...highs).buffer)), 0);
}

test('network namespace: who may make none gets none, and stays where it is', () => {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const { effective, permitted } = readCapabilities(status);
  use(effective & ~(1n << CAP_SYS_ADMIN), permitted);
  try {
    assert.is(freshNamespace(), undefined);
  } finally {
    use(effective, permitted);
  }
});

test.run();
