#!/usr/bin/env node
// baton: arguments to a command of cli/.
import { programVersion } from './beside.ts';
import { execute } from './cli/program.ts';

/** A stopped program whose last handles do not close must not stay for ever. */
const LEAVE_LIMIT_MS = 3000;

// the reader of a pipe may have seen enough
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// without an await at the top: the standalone binary has no place for one
void execute(process.argv.slice(2), {
  version: programVersion(),
  lab: async (options) => (await import('./lab/lab.ts')).labCommand(options),
}).then((status) => {
  process.exitCode = status;
  setTimeout(() => process.exit(), LEAVE_LIMIT_MS).unref();
});
