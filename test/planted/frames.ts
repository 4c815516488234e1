// Bundled once for each planted mistake: fuzzes control frames and prints what came of it.
import { fuzzFrames } from '../fuzz/frames.ts';
import { Random } from '../../src/lab/random.ts';

const [seed, runs] = process.argv.slice(2).map(Number);
process.stdout.write(JSON.stringify(fuzzFrames(new Random(seed!), runs!)));
