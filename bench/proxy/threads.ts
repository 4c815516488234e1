// Which threads of a front end's program the CPU time went to. The kernel counts nanoseconds for each; what a
// CPU was busy with beside them is the kernel's own work for other programs' packets.
import { readFileSync, readdirSync } from 'node:fs';
import { WORKER_THREAD_NAME } from '../../src/workers/thread-name.ts';

/** Of one moment: ms of CPU time by the kind of thread. */
export type ThreadTimes = Map<string, number>;

function kindOf(pid: number, thread: string, name: string): string {
  if (name === WORKER_THREAD_NAME) return 'worker';
  if (Number(thread) !== pid) return 'other threads';
  return name === 'node' ? 'control' : 'program';
}

/** CPU time of a process's threads so far. In Node the other threads are V8's: compiler and collector. */
export function threadTimes(pid: number): ThreadTimes {
  const times: ThreadTimes = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    const kind = kindOf(pid, thread, readFileSync(`${folder}/comm`, 'utf8').trim());
    const [ns = 0] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ').map(Number);
    times.set(kind, (times.get(kind) ?? 0) + ns / 1e6);
  }
  return times;
}

/** What came in between, per request in us; `front` is what the CPU was busy for each. */
export function spentBy(
  from: ThreadTimes,
  to: ThreadTimes,
  requests: number,
  front: number,
): Map<string, number> {
  const spent = new Map<string, number>();
  for (const [kind, ms] of to) spent.set(kind, (1000 * (ms - (from.get(kind) ?? 0))) / requests);
  const known = [...spent.values()].reduce((sum, us) => sum + us, 0);
  return spent.set('kernel and others', front - known);
}
