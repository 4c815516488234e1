// Bundled once for each planted mistake: runs seeds until one fails and prints what came of it.
import { runSeeds } from '../simulation/seeds.ts';

const count = Number(process.argv[2]);
const report = await runSeeds({ from: 1, count, seconds: Infinity, stopsAtProblem: true });
process.stdout.write(JSON.stringify(report));
