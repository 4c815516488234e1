// The machine on which something was measured, as a reader of the figures must know it.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  /** model, as the kernel names it */
  cpu: string;
  cores: number;
  gib: number;
  kernel: string;
  node: string;
  /** of the repository, when it is one */
  commit: string;
  /** runnable threads, mean of the last minute: others' work is in the figures */
  load: number;
}

function commitHere(): string {
  try {
    const words = ['describe', '--always', '--dirty'];
    return execFileSync('git', words, { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

export function thisMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.replaceAll(/\s+/g, ' ') ?? 'unknown',
    cores: cores.length,
    gib: Math.round(totalmem() / 2 ** 30),
    kernel: `Linux ${release()}`,
    node: process.versions.node,
    commit: commitHere(),
    load: Number(loadavg()[0]!.toFixed(2)),
  };
}

export function machineText({ cpu, cores, gib, kernel, node }: Machine): string {
  return `${cpu}, ${cores} CPUs, ${gib} GiB, ${kernel}, Node ${node}`;
}
