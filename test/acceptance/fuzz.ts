// Ten million runs of each target: the core through wasm2c under libFuzzer, and control frames.
// Then the same targets with a mistake in each, which must be found.
// npm run acceptance fuzz [-- RUNS [TARGET]]; frames are always among them. TARGET `planted`: only the
// mistakes.
import { fuzz, targets } from '../fuzz/fuzz.ts';
import { fuzzFrames } from '../fuzz/frames.ts';
import { foundBy } from '../fuzz/planted.ts';
import { FUZZ_MISTAKES } from '../planted/fuzz-mistakes.ts';
import { Random } from '../../src/lab/random.ts';
import { Report } from '../support/report.ts';

const RUNS = Number(process.argv[2] ?? 10_000_000);
/** within which a mistake is found */
const MISTAKE_RUNS = 2_000_000;
const report = new Report();
const seed = Date.now() % 1_000_000;

const only = process.argv[3];
for (const name of await targets()) {
  if (only !== undefined && name !== only) continue;
  await report.part(name, async () => {
    const { runs, perSecond, covered, failure } = await fuzz(name, RUNS, seed);
    const seen = `${runs} runs, ${perSecond}/s, ${covered} edges`;
    const passed = failure === '' && runs >= RUNS;
    report.check(`${name}: no crash, none over 10 ms of CPU time`, passed, `${seen}${failure}`);
  });
}
if (only !== 'planted') {
  await report.part('frame', async () => {
    const { runs, understood, wrong } = fuzzFrames(new Random(seed), RUNS);
    const seen = `${runs} runs, ${understood} understood; ${wrong.join('; ')}`;
    const passed = wrong.length === 0 && runs >= RUNS && understood > runs / 100;
    report.check('frame: no throw, none over 10 ms of CPU time', passed, seen);
  });
}
for (const mistake of FUZZ_MISTAKES) {
  await report.part(mistake.name, async () => {
    const found = await foundBy(mistake, MISTAKE_RUNS, seed);
    report.check(`${mistake.target}: mistake is found: ${mistake.name}`, found !== '', found);
  });
}
report.finish();
