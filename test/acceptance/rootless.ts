// npm start -- --once as an ordinary user, with and without a /dev/net/tun that he can open.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Report } from '../support/report.ts';

const USER = '65534';
// doctor says which engine it was
const COMMANDS = 'npm start -- --once; status=$?; npm run -s baton -- doctor; exit $status';
const LIMIT_MS = 300_000;
const report = new Report();
const source = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'baton-rootless-'));

/** Runs `npm start -- --once` as that user; in a mount namespace whose /dev/net/tun has these rights. */
function start(mode: '0666' | '0600'): { status: number | null; text: string } {
  const script = [
    'mount -t tmpfs tmpfs "$1/dev"',
    'mknod -m "$2" "$1/dev/tun" c 10 200',
    'mount --bind "$1/dev/tun" /dev/net/tun',
    'cd "$1/tree"',
    'exec setpriv --reuid "$3" --regid "$3" --clear-groups env -i PATH=/usr/bin:/bin:/usr/local/bin ' +
      'HOME="$1/home" TMPDIR="$1/home" sh -c "$4"',
  ].join(' && ');
  const words = [
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    folder,
    mode,
    USER,
    COMMANDS,
  ];
  const options = { encoding: 'utf8', timeout: LIMIT_MS } as const;
  const { status, stdout, stderr } = spawnSync('unshare', words, options);
  return { status, text: stdout + stderr };
}

try {
  for (const name of ['dev', 'home']) mkdirSync(join(folder, name));
  cpSync(source, join(folder, 'tree'), { recursive: true, preserveTimestamps: true });
  spawnSync('chown', ['-R', `${USER}:${USER}`, folder]);
  for (const [mode, engine] of [
    ['0666', 'tun'],
    ['0600', 'packet'],
  ] as const) {
    const { status, text } = start(mode);
    console.log(text.replace(/^/gm, '  | '));
    const what = `/dev/net/tun ${mode}`;
    report.check(`${what}: npm start -- --once exits with 0`, status === 0, `exit ${status}`);
    const named = /own namespaces: (\w+)/.exec(text)?.[1];
    report.check(`${what}: the engine is ${engine}`, named === engine, named);
    for (const way of ['download of 100 MB', 'upload of 100 MB']) {
      const part = text.slice(text.indexOf(way)).split(/\n\s*\n/)[0] ?? '';
      const right = text.includes(way) && /✓ every byte that the \w+ got is right/.test(part);
      report.check(`${what}: ${way}, every byte right`, right);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report.finish();
