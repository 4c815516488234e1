// What an ordinary user may do as "root": in a user namespace of one's own, with network and mount
// namespaces that belong to it (user_namespaces(7)). Outside of it this user has no more rights than before.
import { spawnSync } from 'node:child_process';

const UNSHARE = ['unshare', '-Urnm', '--propagation', 'private'];
// a /run of its own: iproute2 keeps the names of network namespaces there
const SCRIPT = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"';

const MENDS: [said: RegExp, mend: string][] = [
  [/ENOENT/, 'install util-linux (the program unshare)'],
  [/No space left/, 'sysctl -w user.max_user_namespaces=10000, or run as root'],
  [
    /not permitted|denied/,
    'run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (Debian), ' +
      'kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), ' +
      '--security-opt seccomp=unconfined (Docker)',
  ],
];

/** The words that run `command` as root of namespaces of its own; its process id stays the same. */
export function asNamespaceRoot(command: readonly string[]): string[] {
  // set inside: the kernel forgets it when the rights change
  const inside = ['setpriv', '--pdeathsig', 'TERM', 'sh', '-c', SCRIPT, 'sh'];
  return [...UNSHARE, ...inside, ...command];
}

/** Why this user can have no such namespaces, with the mend; undefined: they can be had. */
export function namespaceRefusal(): string | undefined {
  const [program, ...args] = asNamespaceRoot(['true']);
  const { status, stderr, error } = spawnSync(program!, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  const said = error?.message ?? stderr.trim();
  const mend = MENDS.find(([pattern]) => pattern.test(said))?.[1] ?? 'run as root';
  return `no namespaces for this user: ${said} (mend: ${mend})`;
}
