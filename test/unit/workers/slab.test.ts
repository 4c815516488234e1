import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Slab } from '../../../src/workers/slab.ts';

const slab = suite('slab');

slab('copies of all lengths hold what was copied, whatever is copied after them', () => {
  const source = new Uint8Array(20_000);
  const copies = new Slab();
  const taken: [Uint8Array, number][] = [];
  for (let length = 0; length < 3000; length += 7) {
    source.fill(length % 251);
    taken.push([copies.copy(source, 100, 100 + length), length]);
  }
  source.fill(255);
  for (const [piece, length] of taken) {
    assert.is(piece.length, length);
    assert.ok(piece.every((byte) => byte === length % 251));
  }
});

slab.run();
