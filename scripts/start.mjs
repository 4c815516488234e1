// npm start [-- --once]: prepares the clone, then the tour: a switch, three servers and a client as network
// namespaces of this machine, real requests, and what was measured. Plain Node until the build has run.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, installDependencies, root } from './prepare.mjs';

const SERVERS = '3';

function refuse(why) {
  console.error(`baton: ${why}`);
  process.exit(1);
}

// a root shell made by su has no sbin folders in its path
process.env.PATH += ':/usr/sbin:/sbin';
if (process.platform !== 'linux') refuse('the tour needs Linux: it makes network namespaces');
if (spawnSync('ip', ['-V']).error) refuse('the tour needs iproute2: apt-get install -y iproute2');
if (process.getuid() !== 0) console.log('baton: not root: the tour makes namespaces of its own');

console.log('baton: installing the dependencies (npm ci --ignore-scripts), unless they are here');
installDependencies();
console.log('baton: building');
buildAll();
console.log(`baton: starting the tour: a client, a router, a switch and ${SERVERS} servers`);
const program = join(root, 'build/baton.mjs');
const [node, , ...options] = process.argv;
process.argv = [node, program, 'lab', '--servers', SERVERS, '--tour', ...options];
await import(program);
