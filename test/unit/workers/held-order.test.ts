// Needs root; each run is in a network namespace of its own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdInNamespace } from '../../table/held-order.ts';

const held = suite('held order');

const SEEDS = [3, 4, 5, 6];

for (const workers of [1, 2, 4]) {
  for (const arrival of ['ordered', 'at-once'] as const) {
    const run = process.getuid?.() === 0 ? held : held.skip; // a namespace needs root
    run(`held packets leave in order, each once: ${workers} worker(s), ${arrival}`, async () => {
      const ways = { held: 0, draining: 0, direct: 0 };
      for (const seed of SEEDS) {
        const outcome = await holdInNamespace(workers, 8, arrival, seed);
        const { packets, missing, doubled, disordered, faults } = outcome;
        assert.equal({ missing, doubled, disordered }, { missing: 0, doubled: 0, disordered: 0 });
        assert.equal(faults, []);
        assert.is(packets, 1600);
        for (const way of ['held', 'draining', 'direct'] as const) ways[way] += outcome[way];
        // how many take which way is a race: as a rule one run has them all
        if (Object.values(ways).every((count) => count > 0)) return;
      }
      assert.unreachable(`not every way was taken: ${JSON.stringify(ways)}`);
    });
  }
}

held.run();
