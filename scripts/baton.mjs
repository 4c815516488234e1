// npm run -s baton -- ARGUMENTS: the program, from a clone; prepares the clone when it is fresh.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installDependencies, root } from './prepare.mjs';

const program = join(root, 'build/baton.mjs');
installDependencies();
if (!existsSync(program)) buildAll();
await import(program);
