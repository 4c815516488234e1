// Needs root; each run is in a network namespace of its own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdInNamespace } from '../../table/held-order.ts';

const held = suite('held order');

for (const workers of [1, 2, 4]) {
  for (const arrival of ['ordered', 'at-once'] as const) {
    held(`held packets leave in order, each once: ${workers} worker(s), ${arrival}`, async () => {
      if (process.getuid?.() !== 0) return; // a namespace needs root
      const { packets, missing, doubled, disordered, faults, ...ways } = await holdInNamespace(
        workers,
        8,
        arrival,
        3,
      );
      assert.equal({ missing, doubled, disordered }, { missing: 0, doubled: 0, disordered: 0 });
      assert.equal(faults, []);
      assert.is(packets, 1600);
      assert.ok(ways.held > 0 && ways.draining > 0 && ways.direct > 0, JSON.stringify(ways));
    });
  }
}

held.run();
