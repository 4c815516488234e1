import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import { loadParts } from '../support/core-parts.ts';
import { Random } from '../../src/lab/random.ts';

const OUT = 1024;
const HEAD = 8192 + 3;
const core = loadParts();
const test = suite('target hash');

function parse(target: string): void {
  const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  core.bytes.set(bytes, HEAD);
  assert.is(core.parseHead(HEAD, bytes.length, OUT), bytes.length);
}

test('target hash: an empty path hashes as "/", and the hash is the documented one', () => {
  const hash = (text: string): number => {
    const multiply = (x: bigint) => BigInt.asUintN(64, x * 0xd6e8feb86659fd93n);
    const bytes = Buffer.from(text, 'latin1');
    let state = 0x9e3779b97f4a7c15n + BigInt(bytes.length);
    for (let at = 0; at < bytes.length; at += 8) {
      const word = [...bytes.subarray(at, at + 8)].reduceRight(
        (sum, b) => sum * 256n + BigInt(b),
        0n,
      );
      const product = multiply(state ^ word);
      state = product ^ (product >> 32n);
    }
    return Number(multiply(state) >> 32n);
  };
  const random = new Random(5);
  for (let length = 1; length < 60; length++) {
    const path = `/${'x'.repeat(length)}${random.next()}`;
    parse(`${path}?q`);
    assert.is(core.view.getUint32(OUT + C.HEAD_TARGET_HASH, true), hash(path));
  }
  parse('http://a.example?q');
  assert.is(core.view.getUint32(OUT + C.HEAD_TARGET_HASH, true), hash('/'));
});

test('target hash: numbered paths spread over buckets like random ones', () => {
  const buckets = new Uint32Array(1024);
  const path = (index: number): Buffer => Buffer.from(`/images/${index}.jpg`);
  for (let index = 0; index < 65536; index++) {
    core.bytes.set(path(index), HEAD);
    buckets[core.hashTarget(HEAD, path(index).length) & 1023]!++;
  }
  const squares = buckets.reduce((sum, count) => sum + (count - 64) ** 2 / 64, 0);
  assert.ok(squares > 800 && squares < 1250, `chi-square ${squares} for 1023 degrees`);
});

test.run();
