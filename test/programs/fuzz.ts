// Runs a fuzz target and keeps its least corpus: node build/programs-fuzz.mjs TARGET RUNS [keep]
import { fuzz, minimise } from '../fuzz/fuzz.ts';

const [name = '', runs = '100000', keep] = process.argv.slice(2);
console.log(await fuzz(name, Number(runs), Date.now() % 1_000_000));
if (keep === 'keep') console.log(`${await minimise(name)} bytes are kept`);
