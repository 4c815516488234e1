import * as libc from '../packet-io/libc.ts';

/** As operators and measurements see a worker's thread among the process's others (at most 15 characters). */
export const WORKER_THREAD_NAME = 'baton-worker';

const PR_SET_NAME = 15;

/** Gives this thread the name. */
export function nameWorkerThread(): void {
  const name = libc.bytesOfItsOwn(16);
  name.set(new TextEncoder().encode(WORKER_THREAD_NAME));
  libc.prctl(PR_SET_NAME, libc.addressOf(name), 0, 0, 0);
}
