// npm run conformance [HOST...]: builds, then plays the core's vectors in all runtimes that can be had here.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

installDependencies();
const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const browsers = Object.entries({ chromium: 'chromium', firefox: 'firefox-esr' })
  .filter(([name]) => wanted.length === 0 || wanted.includes(name))
  .map(([, program]) => program);
if (!installPrograms(['gcc', 'clang', ...browsers])) process.exit(1);
buildAll();
const program = join(root, 'build/conformance-all.mjs');
const { status } = spawnSync(process.execPath, [program, ...wanted], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
