// npm run cases -- FILE: runs a catalogue of bad inputs (test/cases/README.md).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

installDependencies();
if (!installPrograms(['ip', 'nginx'])) process.exit(1);
buildAll();
// npm runs scripts in the clone's folder; file names mean the one where the person stands
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
await import(pathToFileURL(join(root, 'build/programs-cases.mjs')).href);
