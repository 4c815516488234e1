// Network namespaces of this process, by descriptors of /proc/PID/ns/net (network_namespaces(7)).
import { closeSync, openSync } from 'node:fs';
import * as libc from './libc.ts';

const NETWORK = 0x40000000; // CLONE_NEWNET
const OWN = '/proc/thread-self/ns/net';

/** Runs `body`, which must not wait, with this thread, and what it starts, in that namespace. */
export function within<Result>(namespace: number, body: () => Result): Result {
  const home = openSync(OWN, 'r');
  try {
    if (libc.setns(namespace, NETWORK) !== 0) {
      throw new Error(`cannot enter a network namespace: ${libc.errnoName(libc.errno())}`);
    }
    return body();
  } finally {
    goHome(home);
  }
}

/**
 * A new one without a name: it ends, with the devices in it, when the descriptor and all sockets there are
 * closed, however the process ends. Undefined when this user may make none (CAP_SYS_ADMIN is missing).
 */
export function freshNamespace(): number | undefined {
  const home = openSync(OWN, 'r');
  if (libc.unshare(NETWORK) !== 0) {
    closeSync(home); // it never left, and may not even enter the one where it is
    return undefined;
  }
  try {
    return openSync(OWN, 'r');
  } finally {
    goHome(home);
  }
}

function goHome(home: number): void {
  if (libc.setns(home, NETWORK) !== 0) process.abort(); // nothing would be where it seems to be
  closeSync(home);
}
