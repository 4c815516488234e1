import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/lab/random.ts';
import { fuzzFrames } from './frames.ts';
import { fuzz, targets } from './fuzz.ts';

const test = suite('fuzz');
const RUNS = 20_000;

for (const name of await targets()) {
  test(`fuzz: ${name}: nothing crashes, traps, breaks a check or takes 10 ms`, async () => {
    const { runs, covered, failure } = await fuzz(name, RUNS, 1);
    assert.is(failure, '');
    assert.ok(runs >= RUNS && covered > 30, `${runs} runs, ${covered} edges`);
  });
}

test('fuzz: control frames: none throws, and what is understood is written as it was', () => {
  const { understood, wrong } = fuzzFrames(new Random(1), RUNS);
  assert.equal(wrong, []);
  assert.ok(understood > RUNS / 100);
});

test.run();
