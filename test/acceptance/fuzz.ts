// Ten million runs of each target: the core through wasm2c under libFuzzer, and control frames.
import { fuzz, targets } from '../fuzz/fuzz.ts';
import { fuzzFrames } from '../fuzz/frames.ts';
import { Random } from '../support/random.ts';
import { Report } from '../support/report.ts';

const RUNS = Number(process.argv[2] ?? 10_000_000);
const report = new Report();
const seed = Date.now() % 1_000_000;

for (const name of await targets()) {
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
