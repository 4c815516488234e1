// The whole fast path over random packets: what leaves is what a plain rewrite with full checksums makes of
// it, by whichever of its ways the packet went. The acceptance line `checksums` takes many more.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileCore } from '../../src/core.ts';
import { forwardRandom, WAYS } from '../checksums/forwarded.ts';

const PACKETS = 15_000;
const test = suite('forward');
const module = await compileCore('single');

for (const way of WAYS) {
  const { direction, table } = way;
  test(`forward: ${direction}, ${table}: random packets leave as a full recomputation has them`, () => {
    const { wrong, packets, ...kinds } = forwardRandom(module, way, PACKETS, 11);
    assert.is(wrong, '');
    assert.is(packets, PACKETS);
    for (const [kind, count] of Object.entries(kinds)) {
      assert.ok(count > PACKETS / 100, `${kind}: only ${count}`);
    }
  });
}

test.run();
