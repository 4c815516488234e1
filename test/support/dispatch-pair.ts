// A dispatcher's process and one that asks it, with the cluster's keys, on this machine's loopback.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { askAdmin } from '../../src/admin/client.ts';
import type { StatsView } from '../../src/admin/views.ts';
import { writeKeys } from '../../src/channel/keygen.ts';
import type { DispatchLoad } from '../programs/dispatch-load.ts';
import { cpuSeconds } from './cpu.ts';
import { programFile } from './programs.ts';

const SERVERS = 8;
const run = promisify(execFile);

export interface PairOutcome {
  load: DispatchLoad;
  /** of the dispatcher's process, while it was asked */
  cpuSeconds: number;
  dispatcher: NonNullable<StatsView['dispatcher']>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function fileOf(name: string, own: string): string {
  const names = Array.from({ length: SERVERS }, (_, index) => `server${index + 1}`);
  const servers = names.map((server, index) => {
    return `  - { name: ${server}, agent: '10.80.${11 + index}.2:7080', port: 80 }`;
  });
  return `name: ${name}
admin: ${name}.sock
tls: { ca: keys/ca.pem, cert: keys/${name}.pem, key: keys/${name}.key }
servers:
${servers.join('\n')}
pools:
  - { name: default, servers: [${names.join(', ')}], policy: lard, tLow: 300, tHigh: 600 }
${own}`;
}

/** Asks for so many seconds, with so many requests outstanding. */
export async function askDispatcher(outstanding: number, seconds: number): Promise<PairOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-dispatch-'));
  const place = `127.0.0.1:${await freePort()}`;
  await writeKeys(join(folder, 'keys'), ['dispatcher', 'switch']);
  const files = ['dispatcher', 'switch'].map((name) => join(folder, `${name}.yaml`));
  const [dispatcherFile, switchFile] = files as [string, string];
  writeFileSync(
    dispatcherFile,
    fileOf('dispatcher', `roles: [dispatcher]\ndispatcher: { listen: '${place}' }\n`),
  );
  writeFileSync(
    switchFile,
    fileOf(
      'switch',
      `roles: [switch]\nswitch: { key: '${'00'.repeat(32)}' }
dispatchers: [{ name: dispatcher, control: '${place}' }]
services: [{ name: web, vip: [192.0.2.80], pool: default }]\n`,
    ),
  );
  const baton = fileURLToPath(new URL('./baton.mjs', import.meta.url));
  const dispatcher = spawn(process.execPath, [baton, 'run', '-c', dispatcherFile]);
  try {
    await new Promise<void>((resolve, reject) => {
      dispatcher.stdout.on('data', () => resolve());
      dispatcher.once('exit', (status) => reject(new Error(`dispatcher ended with ${status}`)));
    });
    const before = cpuSeconds(dispatcher.pid!);
    const words = [programFile('dispatch-load'), switchFile, String(outstanding), String(seconds)];
    const { stdout } = await run(process.execPath, words, { timeout: 60_000 });
    const used = cpuSeconds(dispatcher.pid!) - before;
    const { dispatcher: view } = await askAdmin<StatsView>(
      join(folder, 'dispatcher.sock'),
      '/stats',
    );
    return { load: JSON.parse(stdout) as DispatchLoad, cpuSeconds: used, dispatcher: view! };
  } finally {
    dispatcher.removeAllListeners('exit');
    const gone = new Promise((resolve) => dispatcher.once('exit', resolve));
    if (dispatcher.exitCode === null && dispatcher.kill('SIGTERM')) await gone;
    rmSync(folder, { recursive: true });
  }
}
