// `baton run -c FILE` whose workers can be made to fail by a signal, as the lab's LabOptions.program.
import { COMMAND_SPIN, COMMAND_THROW } from '../../src/workers/debug-command.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runHost } from '../../src/run.ts';

/** What a signal does to worker 0. */
export const WORKER_THROWS = 'SIGUSR2';
export const WORKER_IS_TERMINATED = 'SIGALRM';
export const WORKER_HANGS = 'SIGWINCH';

if (process.argv[1]?.endsWith('programs-mortal-host.mjs')) {
  const host = await runHost(loadConfig(process.argv.at(-1) ?? ''), { debug: true });
  process.on(WORKER_THROWS, () => host.pools.forEach((pool) => pool.command(0, COMMAND_THROW)));
  process.on(WORKER_HANGS, () => host.pools.forEach((pool) => pool.command(0, COMMAND_SPIN)));
  process.on(WORKER_IS_TERMINATED, () =>
    host.pools.forEach((pool) => pool.terminate(0, 'it was terminated')),
  );
  process.once('SIGTERM', () => void host.stop().then(() => process.exit(0)));
}
