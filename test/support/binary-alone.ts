// The standalone binary with nothing beside it: no Node, a /tmp from which nothing may be run, a home that
// is read-only, an empty folder to work in. Each command does its part there.
import { spawnSync } from 'node:child_process';
import { copyFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from './report.ts';

const LIMIT_MS = 60_000;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const BINARY = '/mnt/baton';
const USER = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
/** All in a mount namespace of its own. */
const ALONE = [
  'mount --bind "$0" /mnt',
  'mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp',
  'for node in $(which -a node); do mount --bind /dev/null "$node"; done',
  'mkdir -m 777 /tmp/home /tmp/work',
  'mount -t tmpfs -o ro tmpfs /tmp/home',
  'cd /tmp/work',
].join(' && ');
/** The other folders that a library can be loaded from. */
const NOEXEC = 'for d in /run /dev/shm /var/tmp; do mount -t tmpfs -o noexec tmpfs $d; done';
/** As an operator would, in the lab; each command's exit status, then what it said. */
const IN_LAB = [
  'list',
  'conns',
  'stats',
  'servers list',
  'servers drain server1',
  'servers ready server1',
  'rebalance',
  'reload',
  'check --config $BATON_LAB/switch.yaml',
]
  .map((command) => `said="$(${BINARY} ${command} 2>&1)"; echo "=== ${command}: $?" "$said"`)
  .join('; ');

interface Said {
  status: number | null;
  text: string;
}

/** Runs a shell's line in there; `folder` has the binary. */
function alone(folder: string, line: string, before = 'true'): Said {
  const script = `${ALONE} && ${before} && ${line}`;
  const words = ['-m', '--propagation', 'private', 'sh', '-c', script, folder];
  const { status, stdout, stderr } = spawnSync('unshare', words, {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    env: { PATH, HOME: '/tmp/home' },
  });
  return { status, text: stdout + stderr };
}

function checkCommands(report: Report, folder: string): void {
  const check = (what: string, line: string, isRight: (said: Said) => boolean): void => {
    const said = alone(folder, line);
    const seen = isRight(said) ? '' : `exit ${said.status}: ${said.text.slice(-400)}`;
    report.check(`alone: ${what}`, seen === '', seen);
  };
  check('there is no Node', '! node --version 2>&1', ({ status }) => status === 0);
  check(
    'keygen',
    `${BINARY} keygen --out keys switch && ls -l keys`,
    ({ text }) => /-rw------- .* switch\.key/.test(text) && / switch\.pem/.test(text),
  );
  const wrong = 'echo "name: 1" > wrong.yaml';
  check('check names the place of a mistake', `${wrong}; ${BINARY} check -c wrong.yaml`, (said) =>
    /wrong\.yaml:1:7/.test(said.text),
  );
  check(
    'check --schema',
    `${BINARY} check --schema`,
    ({ text }) => 'properties' in (JSON.parse(text) as object),
  );
  check('doctor, /tmp being noexec', `${BINARY} doctor`, ({ text }) => /^ok {4}engine/m.test(text));
}

function checkLabs(report: Report, folder: string): void {
  const { text } = alone(folder, `${BINARY} lab --servers 2 -- sh -c '${IN_LAB}'`);
  const parts = text.split('=== ').slice(1);
  const failed = parts.filter((part) => !/^[^:]*: 0 /.test(part));
  const isDone = parts.length > 8 && failed.length === 0;
  report.check('alone: each command asks a running switch', isDone, failed.join('; '));
  const user = `${USER.join(' ')} ${BINARY} lab --servers 2 -- sh -c 'curl -s $BATON_URL; id -u'`;
  const rootless = alone(folder, user);
  const isAnswered = rootless.status === 0 && /server=server\d/.test(rootless.text);
  report.check('alone: lab as an ordinary user', isAnswered, rootless.text.trim().slice(-400));
}

/** No folder at all, and one that TMPDIR names. */
function checkFolders(report: Report, folder: string): void {
  const none = alone(folder, `${BINARY} doctor`, NOEXEC).text;
  const isNamed = /BAD {3}engine/.test(none) && none.includes('set TMPDIR to one');
  report.check(
    'every folder noexec: doctor names the mend',
    isNamed,
    isNamed ? '' : none.slice(-600),
  );
  const named = 'mkdir own && mount -t tmpfs tmpfs own && export TMPDIR=$PWD/own';
  const mended = alone(folder, `${named} && ${BINARY} doctor && ls -A own`, NOEXEC);
  const isMended = mended.status === 0 && /^ok {4}engine/m.test(mended.text);
  report.check('every folder noexec: TMPDIR mends it', isMended && !/baton-/.test(mended.text));
}

export async function checkAlone(report: Report, binary: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-alone-'));
  try {
    chmodSync(folder, 0o755);
    copyFileSync(binary, join(folder, 'baton'));
    checkCommands(report, folder);
    checkLabs(report, folder);
    checkFolders(report, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
