// Seeds of the simulation, the same seed twice, and mistakes that it must find.
// Usage: acceptance-simulation.mjs [--seed N] [--seeds N] [--from N] [--mistake PART-OF-NAME]
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { compileCore } from '../../src/core.ts';
import { MISTAKES, type Mistake } from '../planted/mistakes.ts';
import { tryMistake } from '../planted/planting.ts';
import type { Placement } from '../simulation/cluster.ts';
import { describeReport, replaySeed, runSeeds } from '../simulation/seeds.ts';
import { simulate } from '../simulation/simulation.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    mistake: { type: 'string' },
    placement: { type: 'string', default: 'single' },
  },
});
const placement = values.placement as Placement;
const seeds = Number(values.seeds);
const from = Number(values.from);
let failures = 0;

function say(passed: boolean, text: string): void {
  if (!passed) failures += 1;
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${text}`);
}

async function sameTraces(): Promise<void> {
  const module = await compileCore('single');
  const repeated = Array.from({ length: 20 }, (_, index) => from + index);
  const different = repeated.filter(
    (seed) => simulate(seed, module).hash !== simulate(seed, module).hash,
  );
  say(
    different.length === 0,
    `the same seed gives the same trace hash: ${repeated.length} seeds twice`,
  );
}

async function allSeeds(): Promise<void> {
  const report = await runSeeds({
    from,
    count: seeds,
    seconds: Infinity,
    stopsAtProblem: false,
    placement,
  });
  say(report.failures.length === 0, describeReport(report));
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
  for (const mistake of MISTAKES.filter(({ name }) => name.includes(part))) {
    say(...(await tryToFind(mistake)));
  }
}

if (values.seed !== undefined) {
  if (!(await replaySeed(Number(values.seed), console.log, placement))) failures += 1;
} else {
  if (values.mistake === undefined) {
    await sameTraces();
    await allSeeds();
  }
  await plantedMistakes();
}
process.exitCode = failures === 0 ? 0 : 1;
