// Makes a fresh clone ready: installs the npm dependencies, builds, and (as root, when asked) installs the
// Debian packages that the tests use. Plain Node: nothing may be imported from node_modules here.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Program (as found in PATH or an sbin folder) -> the Debian package that has it. */
const DEBIAN = {
  ip: 'iproute2',
  nginx: 'nginx-light',
  apache2: 'apache2',
  haproxy: 'haproxy',
  keepalived: 'keepalived',
  ab: 'apache2-utils',
  wrk: 'wrk',
  curl: 'curl',
  ethtool: 'ethtool',
  openssl: 'openssl',
  tcpdump: 'tcpdump',
  traceroute: 'traceroute',
  ping: 'iputils-ping',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
  gcc: 'gcc libc6-dev',
  clang: 'clang libclang-rt-14-dev libsimde-dev',
  spin: 'spin gcc libc6-dev',
  setcap: 'libcap2-bin',
  'systemd-analyze': 'systemd',
  strip: 'binutils',
};

/** Only who asks for them gets them. */
const OTHERS = { chromium: 'chromium', 'firefox-esr': 'firefox-esr', nft: 'nftables' };

function hasProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, name)));
}

function run(command, args, environment = {}) {
  console.log(`> ${command} ${args.join(' ')}`);
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment } };
  const { status, error } = spawnSync(command, args, options);
  if (error || status !== 0) {
    console.error(
      `baton: "${command} ${args.join(' ')}" failed: ${error?.message ?? `exit ${status}`}`,
    );
    process.exit(1);
  }
}

/** Installs what package-lock.json lists, unless node_modules is already newer. */
export function installDependencies() {
  const stamp = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return;
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    console.error(`baton: needs Node 20 or newer, this is ${process.versions.node}`);
    process.exit(1);
  }
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  // npm keeps the lockfile's time on some systems: remember that it is installed
  writeFileSync(stamp, readFileSync(stamp));
}

export function buildAll() {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], {
    cwd: root,
    stdio: 'inherit',
  });
}

/** Installs the Debian packages of `programs` that are missing; without root prints the command. */
export function installPrograms(programs = Object.keys(DEBIAN)) {
  const missing = programs
    .filter((name) => !hasProgram(name))
    .map((name) => ({ ...DEBIAN, ...OTHERS })[name]);
  if (missing.length === 0) return true;
  const packages = missing.join(' ').split(' ');
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || !hasProgram('apt-get')) {
    console.error(`baton: missing programs; install them with: sudo ${command}`);
    return false;
  }
  // No service may start by itself: the lab starts what it needs in its own namespaces.
  const quiet = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  run('apt-get', ['update', '-q'], quiet);
  run('apt-get', command.split(' ').slice(1), quiet);
  return true;
}
