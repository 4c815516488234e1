// baton run: this host, until a signal.
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { ServiceNotices as Notices } from '../host/sd-notify.ts';
import type { RunningHost } from '../run.ts';

export interface RunOptions {
  config: string;
  workers?: number | undefined;
}

const STOP_LIMIT_MS = 5000;

/** SIGINT or SIGTERM; a second one while stopping ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/** Resolves with the exit status when the host has stopped. */
export async function runCommand(options: RunOptions): Promise<number> {
  const stopped = stopSignal();
  const { config: file, workers } = options;
  const config = loadConfig(file, { workers });
  const { runHost } = await import('../run.ts');
  const { passCapabilitiesOn } = await import('../packet-io/capabilities.ts');
  const { ServiceNotices } = await import('../host/sd-notify.ts');
  passCapabilitiesOn();
  const notices = new ServiceNotices(process.env, (text) =>
    process.stderr.write(`baton: ${text}\n`),
  );
  // until it runs there is nothing to reload, and the signal would end the process
  let reload = (): void => {};
  process.on('SIGHUP', () => reload());
  const load = (running: Config): Config => loadConfig(file, { workers, running });
  const host = await runHost(config, { load });
  const works = `${config.name} works: ${config.roles.join(', ')}`;
  notices.ready(works);
  reload = () => {
    notices.reloading();
    void host.reload().then(() => notices.ready(works));
  };
  const signal = await stopped;
  process.stdout.write(`baton: ${config.name} stops (${signal})\n`);
  await endHost(host, config.name, notices);
  return 0;
}

/** Ends what is under way first; the process never stays longer than it says. */
async function endHost(host: RunningHost, name: string, notices: Notices): Promise<void> {
  notices.stopping(host.drainMs() + STOP_LIMIT_MS);
  const left = await host.drain();
  if (left > 0) process.stderr.write(`baton: ${name} ends with ${left} under way\n`);
  // a part that can not stop must not keep the process
  const late = setTimeout(() => {
    process.stderr.write(`baton: ${name} did not stop within ${STOP_LIMIT_MS} ms\n`);
    process.exit(1);
  }, STOP_LIMIT_MS);
  await host.stop();
  clearTimeout(late);
}
