import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headSets } from '../../../bench/parse/heads.ts';
import { allParsers } from '../../../bench/parse/parsers.ts';

const test = suite('bench: parse');

test('bench: every parser reads every head that is timed', async () => {
  const parsers = await allParsers();
  for (const [name, heads] of headSets()) {
    for (const { form, take } of parsers) {
      const read = take(heads);
      assert.is(read() + read(), 2 * heads.length, `${form}: ${name}`);
    }
  }
});

test.run();
