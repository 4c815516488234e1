import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problem.ts';

/** What is wrong with a configuration; nothing: it is taken. */
export function problemsOf(text: string): string[] {
  try {
    parseConfig(text, 'baton.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Replaces once and says what is wrong then. */
export function problemsAfter(text: string, from: string, to: string): string[] {
  assert.ok(text.includes(from), `"${from}" is in the file`);
  return problemsOf(text.replace(from, to));
}
