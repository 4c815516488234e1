// Ten million runs of each target: the core through wasm2c under libFuzzer, and control frames.
// npm run acceptance fuzz [-- RUNS [TARGET]]; frames are always among them.
import { fuzz, targets } from '../fuzz/fuzz.ts';
import { fuzzFrames } from '../fuzz/frames.ts';
import { Random } from '../support/random.ts';
import { Report } from '../support/report.ts';

const RUNS = Number(process.argv[2] ?? 10_000_000);
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
await report.part('frame', async () => {
  const { runs, understood, wrong } = fuzzFrames(new Random(seed), RUNS);
  const seen = `${runs} runs, ${understood} understood; ${wrong.join('; ')}`;
  const passed = wrong.length === 0 && runs >= RUNS && understood > runs / 100;
  report.check('frame: no throw, none over 10 ms of CPU time', passed, seen);
});
report.finish();
