// How long CPUs were busy, whoever made them so: processes, system calls, softirqs. /proc/stat tells it in
// ticks of 10 ms; the kernel's list of timers has the nanoseconds that each CPU was idle.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICK_MS = 10;
const KERNEL_THREADS = 2; // the parent of them all

/** What a CPU's clock and its idle time were, in ms. */
export interface Moment {
  nowMs: number;
  idleMs: number;
}

/** It is asked by a program on that CPU, or an idle period that has not ended would be missing. */
export function momentOf(cpu: number): Moment {
  const command = ['-c', String(cpu), 'cat', '/proc/timer_list'];
  const list = execFileSync('taskset', command, { encoding: 'utf8' });
  const nowNs = Number(/^now at (\d+) nsecs/m.exec(list)?.[1]);
  const [, own = ''] = list.split(`\ncpu: ${cpu}\n`);
  const [rest = ''] = own.split('\ncpu: ');
  const spent = (name: string): number =>
    Number(new RegExp(`\\.${name} *: (\\d+) nsecs`).exec(rest)?.[1]);
  const idleNs = spent('idle_sleeptime') + spent('iowait_sleeptime');
  if (!Number.isFinite(nowNs + idleNs)) {
    throw new Error('bench: /proc/timer_list does not tell how long a CPU was idle (CONFIG_NO_HZ)');
  }
  return { nowMs: nowNs / 1e6, idleMs: idleNs / 1e6 };
}

export function busyMs(from: Moment, to: Moment): number {
  return to.nowMs - from.nowMs - (to.idleMs - from.idleMs);
}

interface Process {
  parent: number;
  ms: number;
}

/** Of itself and of the children that it has waited for, so that nothing is lost when a process ends. */
function readProcess(pid: number): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), ms: ticks * TICK_MS };
  } catch {
    return undefined; // it has ended
  }
}

/** CPU time in ms that programs had which this process has not started. */
export function foreignMs(): number {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (found) processes.set(Number(name), found);
  }
  const isOurs = (pid: number): boolean =>
    pid === process.pid || (pid > 1 && isOurs(processes.get(pid)?.parent ?? 0));
  let sum = 0;
  for (const [pid, { parent, ms }] of processes) {
    if (parent !== KERNEL_THREADS && !isOurs(pid)) sum += ms;
  }
  return sum;
}
