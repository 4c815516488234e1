// Seeds of the simulation in every placement, the same seed twice, and mistakes that it must find.
// Usage: acceptance-simulation.mjs [--seeds N] [--from N]
//   --placement NAME [--seeds N] [--from N]    its seeds alone
//   --placement NAME --seed N                  one seed, with all that happens in it
//   --mistake PART-OF-NAME [--seeds N]         those mistakes alone
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { compileCore } from '../../src/core.ts';
import { CLUSTER_MISTAKES } from '../planted/cluster-mistakes.ts';
import { DEATH_MISTAKES } from '../planted/death-mistakes.ts';
import { GROUP_MISTAKES } from '../planted/group-mistakes.ts';
import { MISTAKES, type Mistake } from '../planted/mistakes.ts';
import { tryMistake } from '../planted/planting.ts';
import { PLACEMENTS, type Placement } from '../simulation/cluster.ts';
import { describeReport, replaySeed, runSeeds } from '../simulation/seeds.ts';
import { simulate } from '../simulation/simulation.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    mistake: { type: 'string' },
    placement: { type: 'string' },
  },
});
/** Of the seeds, what each placement gets. */
const SHARES: Record<Placement, number> = {
  single: 0.35,
  multiple: 0.2,
  'co-located': 0.2,
  group: 0.15,
  dying: 0.1,
};
const only = PLACEMENTS.find((name) => name === values.placement);
if (values.placement !== undefined && !only) throw new Error('no such placement');
const seeds = Number(values.seeds);
const from = Number(values.from);
let failures = 0;

function say(passed: boolean, text: string): void {
  if (!passed) failures += 1;
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${text}`);
}

async function sameTraces(): Promise<void> {
  const module = await compileCore('single');
  const hashOf = (seed: number, placement: Placement) =>
    simulate(seed, module, undefined, placement).hash;
  for (const placement of PLACEMENTS) {
    const repeated = Array.from({ length: 5 }, (_, index) => from + index);
    const different = repeated.filter(
      (seed) => hashOf(seed, placement) !== hashOf(seed, placement),
    );
    const what = `${placement}: the same seed gives the same trace hash`;
    say(different.length === 0, `${what}: ${repeated.length} seeds twice`);
  }
}

async function allSeeds(placement: Placement, count: number): Promise<void> {
  const rules = { seconds: Infinity, stopsAtProblem: false, placement };
  const report = await runSeeds({ from, count, ...rules });
  say(report.failures.length === 0, `${placement}: ${describeReport(report)}`);
}

async function tryToFind(mistake: Mistake): Promise<[boolean, string]> {
  const what = `planted: ${mistake.name} ->`;
  try {
    const { seeds: tried, failures: found } = await tryMistake(root, mistake, seeds);
    if (!found[0]) return [false, `${what} not found in ${tried} seeds`];
    return [true, `${what} seed ${found[0].seed}: ${found[0].problems[0]}`];
  } catch (error) {
    return [false, `${what} ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function plantedMistakes(): Promise<void> {
  const part = values.mistake ?? '';
  const all = [...MISTAKES, ...CLUSTER_MISTAKES, ...GROUP_MISTAKES, ...DEATH_MISTAKES];
  for (const mistake of all.filter(({ name }) => name.includes(part))) {
    say(...(await tryToFind(mistake)));
  }
}

if (values.seed !== undefined) {
  if (!(await replaySeed(Number(values.seed), console.log, only))) failures += 1;
} else if (only) {
  await allSeeds(only, seeds);
} else {
  if (values.mistake === undefined) {
    await sameTraces();
    for (const name of PLACEMENTS) await allSeeds(name, Math.round(seeds * SHARES[name]));
  }
  await plantedMistakes();
}
process.exitCode = failures === 0 ? 0 : 1;
