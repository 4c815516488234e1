#!/usr/bin/env node
// baton: arguments to a command of cli/.
import { readFileSync } from 'node:fs';
import { execute } from './cli/program.ts';

/** A stopped program whose last handles do not close must not stay for ever. */
const LEAVE_LIMIT_MS = 3000;

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

// the reader of a pipe may have seen enough
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await execute(process.argv.slice(2), {
  version: version(),
  lab: async (options) => (await import('./lab/lab.ts')).labCommand(options),
});
setTimeout(() => process.exit(), LEAVE_LIMIT_MS).unref();
