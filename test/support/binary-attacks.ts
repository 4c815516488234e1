// What an ordinary user could do to get code of his own run with the right that the binary's file has.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from './report.ts';

const USER = '65534';
const RUN_LIMIT_MS = 30_000;
const CONFIGURATION = `name: switch
roles: [switch]
workers: 1
admin: FOLDER/admin.sock
insecure: true
switch: { device: baton0, connections: 1024, group: main, key: ${'0123456789abcdef'.repeat(4)} }
servers: [{ name: server1, agent: 127.0.0.1:7080, port: 80 }]
pools: [{ name: default, servers: [server1] }]
services: [{ name: web, vip: [192.0.2.80], port: 80, pool: default }]
`;
/** In namespaces of its own; then the user, by way of a shell that has no capability any more. */
const PREPARE = [
  'cd "$1"',
  'place="$(mktemp -d)"',
  'mount -t tmpfs tmpfs "$place"',
  'mknod -m 0666 "$place/tun" c 10 200',
  'mount --bind "$place/tun" /dev/net/tun',
  'ip link set lo up',
  'exec setpriv --reuid "$2" --regid "$2" --clear-groups --inh-caps=-all sh -c "$3"',
].join(' && ');
/** Starts it with an environment of the attacker's, sends the signal that asks Node for a debugger. */
const ATTACK = `
  PATH="$PWD/bin:$PATH" IP_LIB_DIR="$PWD/lib" NODE_OPTIONS="--require=$PWD/evil.cjs" \\
    ./baton run -c switch.yaml 2>&1 &
  for i in $(seq 100); do [ -S admin.sock ] && break; sleep 0.1; done
  sleep 0.5
  cat "/proc/$!/environ" > environ 2> /dev/null
  ls "/proc/$!/fd" > descriptors 2> /dev/null
  kill -USR1 $!
  sleep 0.5
  ss -ltn > listening
  kill -TERM $!
  wait $!
  echo "ended with $?"
`;

function layTraps(folder: string): void {
  const tell = (name: string): string =>
    `grep CapEff /proc/self/status > "${folder}/seen-${name}"\n`;
  for (const part of ['bin', 'lib']) mkdirSync(join(folder, part));
  writeFileSync(join(folder, 'bin/ip'), `#!/bin/sh\n${tell('ip')}exec /sbin/ip "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(
    join(folder, 'evil.cjs'),
    `require('node:fs').writeFileSync('${folder}/seen-options', '');`,
  );
  writeFileSync(join(folder, 'switch.yaml'), CONFIGURATION.replaceAll('FOLDER', folder));
}

/** The file with which it loads its library has no name by which another process could open it. */
async function checkNameless(report: Report, folder: string): Promise<void> {
  const place = join(folder, 'tmp');
  mkdirSync(place);
  const names = new Set<string>();
  const watcher = watch(place, (_, name) => names.add(name ?? ''));
  const env = { ...process.env, TMPDIR: place };
  const child = spawn(join(folder, 'baton'), ['doctor'], { env, stdio: 'ignore' });
  await once(child, 'exit');
  watcher.close();
  const named = [...names].filter((name) => name.startsWith('baton'));
  report.check(
    'its library is loaded from a file without a name',
    named.length === 0,
    named.join(),
  );
}

/** Needs root: it becomes the user. */
export async function attackBinary(report: Report, binary: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-attack-'));
  try {
    copyFileSync(binary, join(folder, 'baton'));
    layTraps(folder);
    await checkNameless(report, folder);
    execFileSync('chown', ['-R', `${USER}:${USER}`, folder]);
    execFileSync('setcap', ['cap_net_admin+ep', join(folder, 'baton')]);
    const words = ['--net', '--mount', 'sh', '-c', PREPARE, 'sh', folder, USER, ATTACK];
    const { stdout } = spawnSync('unshare', words, { encoding: 'utf8', timeout: RUN_LIMIT_MS });
    const isRun = /switch ready/.test(stdout) && /ended with 0/.test(stdout);
    report.check('with an environment of the attacker it runs and ends with 0', isRun, stdout);
    const seen = (name: string): string => {
      const file = join(folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    };
    report.check(
      'no program of his PATH is run',
      !existsSync(join(folder, 'seen-ip')),
      seen('seen-ip'),
    );
    report.check('no module of NODE_OPTIONS is run', !existsSync(join(folder, 'seen-options')));
    const listening = seen('listening');
    report.check('SIGUSR1 opens no debugger', /State/.test(listening) && !/:9229/.test(listening));
    const open = seen('environ') + seen('descriptors');
    report.check('/proc shows him neither its environment nor its descriptors', open === '', open);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
