import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runOneProcess } from '../support/one-process.ts';

const test = suite('examples');

test('examples: a switch and two agents in one process answer each client by the right server', () => {
  const { said, expected } = runOneProcess(fileURLToPath(new URL('..', import.meta.url)));
  assert.equal(said, expected);
});

test.run();
