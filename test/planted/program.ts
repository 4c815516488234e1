// Bundled once for each planted mistake: runs seeds of a placement until one fails, prints what came of it.
import { PLACEMENTS } from '../simulation/cluster.ts';
import { runSeeds } from '../simulation/seeds.ts';

const count = Number(process.argv[2]);
const placement = PLACEMENTS.find((name) => name === process.argv[3]) ?? 'single';
const rules = { seconds: Infinity, stopsAtProblem: true, placement };
const report = await runSeeds({ from: 1, count, ...rules });
process.stdout.write(JSON.stringify(report));
