import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';

const INSIDE = 'BATON_TEST_INSIDE';
const LIMIT_MS = 120_000;

/**
 * Runs a suite of `count` tests in a network namespace of its own, by starting the test file again in
 * there. Without the rights it is one test that is skipped. Ends the test file in place of `.run()`.
 * `without`: how many others the suite left out, and why.
 */
export function runInNamespace(inside: Test, count: number, without = 0, why = ''): void {
  if (process.env[INSIDE]) return inside.run();
  const outside = suite('namespace');
  if (process.getuid?.() === 0) outside(`${count} tests in a namespace`, () => runAgain(count));
  else outside.skip(`${count} tests: no namespaces without root`);
  if (without > 0) outside.skip(`${without} tests: ${why}`);
  outside.run();
}

function runAgain(count: number): void {
  const name = `bio-${process.pid}`;
  const file = fileURLToPath(import.meta.url); // bundled: the test file itself
  execFileSync('ip', ['netns', 'add', name]);
  try {
    const command = ['netns', 'exec', name, process.execPath, '--enable-source-maps', file];
    const environment = { ...process.env, [INSIDE]: '1' };
    const out = execFileSync('ip', command, {
      env: environment,
      encoding: 'utf8',
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    assert.match(out, new RegExp(`Passed: +${count}\n`));
  } catch (error) {
    const failure = error as { stdout?: string; stderr?: string; message: string };
    const said = [failure.message, failure.stdout, failure.stderr].join('\n');
    throw new Error(said, { cause: error });
  } finally {
    execFileSync('ip', ['netns', 'delete', name]);
  }
}
