import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const chaos = suite('chaos');

chaos('parts of the lab die and come back, every client gets its answer', async () => {
  const baton = fileURLToPath(new URL('./baton.mjs', import.meta.url));
  const args = [baton, 'lab', '--servers', '2', '--chaos', '6', '--seed', '1'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.match(stdout, /all that died came back: (\d+) of \1,/);
  assert.match(stdout, /All as it should be/);
});

chaos.run();
