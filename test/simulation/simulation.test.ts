// SIMULATION_SECONDS (20) bounds how many seeds are run; SIMULATION_FROM (1) is the first of them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileCore } from '../../src/core.ts';
import { PLACEMENTS } from './cluster.ts';
import { describeReport, runSeeds } from './seeds.ts';
import { simulate } from './simulation.ts';

const simulation = suite('simulation');
const seconds = Number(process.env['SIMULATION_SECONDS'] ?? 20);
const from = Number(process.env['SIMULATION_FROM'] ?? 1);

simulation('the same seed gives the same trace, other seeds give others', async () => {
  const module = await compileCore('single');
  const hashes = new Set<string>();
  for (let seed = from; seed < from + 5; seed++) {
    const { hash } = simulate(seed, module);
    assert.is(simulate(seed, module).hash, hash);
    hashes.add(hash);
  }
  assert.is(hashes.size, 5);
});

/** Of the seconds. */
const SHARES = { single: 4 / 5, multiple: 1 / 4, 'co-located': 1 / 5, group: 1 / 5, dying: 1 / 5 };

for (const placement of PLACEMENTS) {
  simulation(`${placement}: no seed breaks a rule`, async () => {
    const rules = { seconds: seconds * SHARES[placement], stopsAtProblem: false, placement };
    const report = await runSeeds({ from, count: 10_000, ...rules });
    console.log(`\n${placement}: ${describeReport(report)}`);
    assert.equal(
      report.failures.map(({ seed, problems }) => [seed, problems[0]]),
      [],
    );
  });
}

simulation.run();
