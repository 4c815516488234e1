// Entry of a host whose workers can be made to fail by a signal, as LabOptions.program:
// lab-mortal.mjs run -c FILE
import { loadConfig } from '../config/load.ts';
import { runHost } from '../run.ts';
import { COMMAND_SPIN, COMMAND_THROW } from '../workers/debug-command.ts';
import { WORKER_HANGS, WORKER_IS_TERMINATED, WORKER_THROWS } from './strikes.ts';

async function main(): Promise<void> {
  const host = await runHost(loadConfig(process.argv.at(-1) ?? ''), { debug: true });
  process.on(WORKER_THROWS, () => host.pools.forEach((pool) => pool.command(0, COMMAND_THROW)));
  process.on(WORKER_HANGS, () => host.pools.forEach((pool) => pool.command(0, COMMAND_SPIN)));
  process.on(WORKER_IS_TERMINATED, () =>
    host.pools.forEach((pool) => pool.terminate(0, 'it was terminated')),
  );
  process.once('SIGTERM', () => void host.stop().then(() => process.exit(0)));
}

void main();
