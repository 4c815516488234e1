// npm run bench [NAME]: builds, then runs the comparisons of bench/ (all, or the one named).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

const names = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length));
const [wanted, ...rest] = process.argv.slice(2);
if (wanted !== undefined && !names.includes(wanted)) {
  console.error(`bench: no comparison "${wanted}"; there are: ${names.join(', ')}`);
  process.exit(2);
}
installDependencies();
if (!installPrograms()) process.exit(1);
buildAll();
for (const name of wanted === undefined ? names : [wanted]) {
  const file = join(root, 'build', `bench-${name}.mjs`);
  if (!existsSync(file)) throw new Error(`bench: ${file} was not built`);
  const run = spawnSync(process.execPath, [file, ...rest], { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) process.exitCode = 1;
}
