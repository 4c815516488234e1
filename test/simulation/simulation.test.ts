// SIMULATION_SECONDS (20) bounds how many seeds are run; SIMULATION_FROM (1) is the first of them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileCore } from '../../src/core.ts';
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

simulation('no seed breaks a rule', async () => {
  const report = await runSeeds({ from, count: 10_000, seconds, stopsAtProblem: false });
  console.log(`\n${describeReport(report)}`);
  assert.equal(
    report.failures.map(({ seed, problems }) => [seed, problems[0]]),
    [],
  );
});

simulation('co-located: no seed breaks a rule', async () => {
  const rules = { stopsAtProblem: false, placement: 'co-located' } as const;
  const report = await runSeeds({ from, count: 10_000, seconds: seconds / 4, ...rules });
  console.log(`\n${describeReport(report)}`);
  assert.equal(
    report.failures.map(({ seed, problems }) => [seed, problems[0]]),
    [],
  );
});

simulation('two switches of a group: no seed breaks a rule', async () => {
  const rules = { stopsAtProblem: false, placement: 'group' } as const;
  const report = await runSeeds({ from, count: 10_000, seconds: seconds / 4, ...rules });
  console.log(`\n${describeReport(report)}`);
  assert.equal(
    report.failures.map(({ seed, problems }) => [seed, problems[0]]),
    [],
  );
});

simulation.run();
