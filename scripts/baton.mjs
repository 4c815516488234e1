// npm run -s baton -- ARGUMENTS: the program, from a clone; prepares the clone when it is fresh.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installDependencies, root } from './prepare.mjs';

const program = join(root, 'build/baton.mjs');
installDependencies();
if (!existsSync(program)) buildAll();
// npm runs scripts in the clone's folder; file names mean the one where the person stands
const { INIT_CWD, npm_lifecycle_event } = process.env;
if (npm_lifecycle_event === 'baton' && INIT_CWD) process.chdir(INIT_CWD);
await import(program);
