import { readFileSync } from 'node:fs';
import { readCapabilities, type CapabilitySets } from './capability-sets.ts';
import { capset, errno, errnoName, prctl } from './libc.ts';

// capabilities(7). A program with file capabilities (setcap) has them for itself: what it starts, such as
// `ip`, gets only those of its ambient set, which is empty then.

const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;
const VERSION_3 = 0x20080522;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;

/**
 * Programs that get rights must be the system's own, and see nothing of our starter's environment: `PATH`
 * would let an ordinary user name another `ip`, `IP_LIB_DIR` a library for the real one.
 */
const PROGRAM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const KEPT = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'TMPDIR', 'XDG_RUNTIME_DIR'];

/** Of those that packets and routes need, the ones that we may pass on and do not yet. */
export function missingAmbient({ permitted, ambient }: CapabilitySets): bigint[] {
  return [CAP_NET_ADMIN, CAP_NET_RAW].filter(
    (one) => (permitted & (1n << one)) !== 0n && (ambient & (1n << one)) === 0n,
  );
}

/** Leaves what a service manager says, and the system's own folders of programs. */
export function cleanEnvironment(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment)) {
    if (!KEPT.includes(name)) delete environment[name];
  }
  environment['PATH'] = PROGRAM_PATH;
}

/**
 * Lets the programs that this thread starts have the rights to networks that it has itself, and a clean
 * environment. Nothing is done for root, whose programs are root's, nor where the rights are passed on
 * already, as a service manager's are. Throws when the kernel refuses.
 */
export function passCapabilitiesOn(): void {
  if (process.getuid?.() === 0) return;
  const sets = readCapabilities(readFileSync('/proc/thread-self/status', 'utf8'));
  const wanted = missingAmbient(sets);
  if (wanted.length === 0) return;
  cleanEnvironment(process.env);
  const inheritable = wanted.reduce((all, one) => all | (1n << one), sets.inheritable);
  const header = new DataView(new ArrayBuffer(8)); // version, thread: 0 is this one
  header.setUint32(0, VERSION_3, true);
  const body = new DataView(new ArrayBuffer(24)); // two times effective, permitted, inheritable
  for (const [index, set] of [sets.effective, sets.permitted, inheritable].entries()) {
    body.setUint32(index * 4, Number(set & 0xffffffffn), true);
    body.setUint32(12 + index * 4, Number(set >> 32n), true);
  }
  const done = capset(new Uint8Array(header.buffer), new Uint8Array(body.buffer)) === 0;
  const raise = (one: bigint): boolean =>
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, Number(one), 0, 0) === 0;
  if (done && wanted.every(raise)) return;
  throw new Error(
    `cannot pass the capabilities on to the programs that are started: ${errnoName(errno())}`,
  );
}
