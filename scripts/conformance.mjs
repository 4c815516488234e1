// npm run conformance [HOST...]: builds, then plays the core's vectors in all runtimes that can be had here.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

installDependencies();
if (!installPrograms(['gcc', 'clang', 'chromium', 'firefox-esr'])) process.exit(1);
buildAll();
const program = join(root, 'build/conformance-all.mjs');
const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
