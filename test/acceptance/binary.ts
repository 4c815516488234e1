// The standalone binary: it starts quickly, runs the lab and moves every byte right, as root and as an
// ordinary user whose only right is the file's capability; after SIGTERM nothing of it is left.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withLab, type TestLab } from '../support/lab.ts';
import { checkAlone } from '../support/binary-alone.ts';
import { attackBinary } from '../support/binary-attacks.ts';
import { Report } from '../support/report.ts';
import { checkDownload, checkUpload } from '../support/transfer.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BINARY = join(ROOT, 'build/baton');
const STARTS = 7;
const START_LIMIT_MS = 100;
const BYTES = 5e7;
const LAB_LIMIT_MS = 240_000;
const STOP_LIMIT_MS = 5000;
const USER = '65534';
/**
 * In the host's namespaces, still as root: a device node that the user can open, as udev makes it, and his
 * configuration. Then as the user, without any capability but the file's.
 */
const AS_USER = [
  'folder="$(dirname "$4")"',
  // with agent.state an agent leaves its device for its next start
  `sed -i '/^ *state: /d' "$4"`,
  'chown -R "$1:$1" "$folder"',
  'place="$(mktemp -d)"',
  'mount -t tmpfs tmpfs "$place"',
  'mknod -m 0666 "$place/tun" c 10 200',
  'mount --bind "$place/tun" /dev/net/tun',
  'exec setpriv --reuid "$1" --regid "$1" --clear-groups --inh-caps=-all "$0" "$2" "$3" "$4"',
].join(' && ');

const report = new Report();
const folder = mkdtempSync(join(tmpdir(), 'baton-binary-'));

function checkStart(): void {
  const times = Array.from({ length: STARTS }, () => {
    const begun = performance.now();
    execFileSync(BINARY, ['--version']);
    return performance.now() - begun;
  });
  const best = Math.min(...times);
  const seen = `${best.toFixed(0)} ms, the best of ${STARTS}`;
  report.check(`--version in under ${START_LIMIT_MS} ms`, best < START_LIMIT_MS, seen);
}

/** The tour moves 100 MB each way; alone in an empty folder, without Node in the path. */
function checkTour(): void {
  const copy = join(folder, 'baton');
  copyFileSync(BINARY, copy);
  const { status, stdout, stderr } = spawnSync(copy, ['lab', '--tour', '--once'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: LAB_LIMIT_MS,
  });
  report.check('lab --tour --once as root exits with 0', status === 0, stderr.slice(-500));
  for (const way of ['download of 100 MB', 'upload of 100 MB']) {
    const part = stdout.slice(stdout.indexOf(way)).split(/\n\s*\n/)[0] ?? '';
    const isRight = stdout.includes(way) && /every byte that the \w+ got is right/.test(part);
    report.check(`lab: ${way}, every byte right`, isRight);
  }
}

/** What of a network a program could leave behind. */
async function devicesOf(lab: TestLab, host: string): Promise<string> {
  const objects = ['-br link', '-4 route', '-6 route', '-4 rule', '-6 rule'];
  const script = objects.map((object) => `ip ${object}`).join('; ');
  return (await lab.run(host, ['sh', '-c', script])).stdout;
}

async function checkUser(): Promise<void> {
  const binary = join(folder, 'baton');
  execFileSync('chmod', ['755', folder]);
  execFileSync('setcap', ['cap_net_admin+ep', binary]);
  const program = ['sh', '-c', AS_USER, binary, USER];
  const bare = new Map<string, string>();
  await withLab({ servers: 2, server: 'nginx', switching: false }, async (lab) => {
    for (const host of ['switch', 'server1']) bare.set(host, await devicesOf(lab, host));
  });
  await withLab({ servers: 2, server: 'nginx', program }, async (lab) => {
    for (const host of ['switch', 'server1']) {
      const pid = lab.hosts[host]!.programs['baton']!;
      const rights = execFileSync('sh', ['-c', `grep -E "^(Uid|CapEff)" /proc/${pid}/status`], {
        encoding: 'utf8',
      });
      const isHis = rights.includes(`Uid:\t${USER}`) && /CapEff:\t0*1000$/m.test(rights);
      report.check(`${host} runs as user ${USER} with cap_net_admin alone`, isHis, rights.trim());
    }
    await checkDownload(lab, report, 'as a user', '10M', 1e7);
    await checkUpload(lab, report, 'as a user', BYTES);
    for (const host of ['switch', 'server1']) await checkEnd(lab, host, bare.get(host)!);
  });
}

/** SIGTERM: it ends with 0 in time, and the host is as it was. */
async function checkEnd(lab: TestLab, host: string, before: string): Promise<void> {
  const pid = lab.hosts[host]!.programs['baton']!;
  const begun = performance.now();
  process.kill(pid, 'SIGTERM');
  while (existsSync(`/proc/${pid}/exe`) && performance.now() - begun < STOP_LIMIT_MS)
    await sleep(50);
  const ms = performance.now() - begun;
  report.check(`${host} ends after SIGTERM`, ms < STOP_LIMIT_MS, `${ms.toFixed(0)} ms`);
  const after = await devicesOf(lab, host);
  const more = after.split('\n').filter((line) => !before.includes(line.split('@')[0]!.trim()));
  const isLeft = /baton/.test(after) || more.some((line) => /blackhole|lookup 99/.test(line));
  report.check(`${host}: no device, route or rule is left`, !isLeft, more.join('; '));
}

try {
  const built = execFileSync('npm', ['run', '-s', 'build:binary'], { cwd: ROOT, encoding: 'utf8' });
  console.log(built.trimEnd().replace(/^/gm, '     '));
  await report.part('start', async () => checkStart());
  await report.part('tour', async () => checkTour());
  await report.part('alone', () => checkAlone(report, BINARY));
  await report.part('as a user', checkUser);
  await report.part('attacks', () => attackBinary(report, BINARY));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', 'packaging/baton.service'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  // where it will be installed there is nothing yet
  const complaints = stderr.split('\n').filter((line) => line && !line.includes('not executable'));
  const isKnown = status === 0 || stderr.includes('/usr/local/bin/baton is not executable');
  report.check(
    'systemd-analyze verify accepts the unit',
    isKnown && complaints.length === 0,
    stderr,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report.finish();
