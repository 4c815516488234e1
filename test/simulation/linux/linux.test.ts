// Compares the simulated kernel with Linux: the same raw scripts, and bytes over a lossy wire
// between both.
// Needs the rights of root and a /dev/net/tun that can be opened, otherwise it is skipped and says so.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientScripts } from './client-scripts.ts';
import { exchange } from './exchange.ts';
import { LinuxStack, PlainTun } from './linux-stack.ts';
import { canOpenTun, NO_TUN } from '../../support/rights.ts';
import { lossScripts, replayScripts, serverScripts } from './scripts.ts';
import { SimulatedStack } from './simulated-stack.ts';

const INSIDE = 'BATON_LINUX_TEST_INSIDE';
const inside = suite('simulated kernel and Linux');

if (process.env[INSIDE]) {
  const tun = new PlainTun('simlinux0');
  writeFileSync('/proc/sys/net/ipv4/tcp_syncookies', '0'); // as baton wants it on servers
  let port = 20_000;
  for (const { name, play } of [
    ...serverScripts,
    ...replayScripts,
    ...lossScripts,
    ...clientScripts,
  ]) {
    inside(name, async () => {
      port += 1;
      const linux = new LinuxStack(tun);
      const expected = await play(linux, port);
      linux.dispose();
      const simulated = new SimulatedStack(port);
      const found = await play(simulated, port);
      simulated.dispose();
      assert.equal(found, expected);
    });
  }
  for (const listener of ['Linux', 'simulated'] as const) {
    inside(`1 MB each way over a lossy wire, ${listener} listens`, async () => {
      const linux = new LinuxStack(tun);
      const { simulated, real } = await exchange(linux, tun, listener, 1 << 20);
      assert.is(simulated, 'all bytes right, ended');
      assert.is(real, 'all bytes right, ended');
    });
  }
  inside.run();
} else {
  const outside = suite('simulated kernel and Linux in a namespace');
  if (process.getuid?.() !== 0) outside.skip('scripts: no namespaces without root');
  else if (!canOpenTun()) outside.skip(`scripts: ${NO_TUN}`);
  else outside('scripts', runInside);
  outside.run();
}

function runInside(): void {
  const name = `sim-linux-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  try {
    execFileSync(
      'ip',
      [
        'netns',
        'exec',
        name,
        process.execPath,
        '--enable-source-maps',
        fileURLToPath(import.meta.url),
      ],
      { env: { ...process.env, [INSIDE]: '1' }, encoding: 'utf8', timeout: 120_000 },
    );
  } catch (error) {
    const failure = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${failure.message}\n${failure.stdout}\n${failure.stderr}`, { cause: error });
  } finally {
    execFileSync('ip', ['netns', 'delete', name]);
  }
}
