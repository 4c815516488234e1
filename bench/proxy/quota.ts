// Holds processes to a part of a CPU's time, by the kernel's control groups, version 1 or 2.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const SHORTEST_QUOTA_US = 1000; // the kernel takes no shorter one

/** A group of processes that have `share` of one CPU together. Close it when they have ended. */
export class Quota {
  readonly #folder: string;

  constructor(name: string, share: number) {
    const [quota, period] = [SHORTEST_QUOTA_US, Math.round(SHORTEST_QUOTA_US / share)].map(String);
    if (existsSync(join(ROOT, 'cpu/cpu.cfs_quota_us'))) {
      this.#folder = join(ROOT, 'cpu', name);
      mkdirSync(this.#folder);
      this.#write('cpu.cfs_period_us', period!);
      this.#write('cpu.cfs_quota_us', quota!);
      return;
    }
    const controllers = join(ROOT, 'cgroup.controllers');
    if (!existsSync(controllers) || !readFileSync(controllers, 'utf8').includes('cpu')) {
      throw new Error('bench: no control groups for CPU time (/sys/fs/cgroup)');
    }
    writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+cpu');
    this.#folder = join(ROOT, name);
    mkdirSync(this.#folder);
    this.#write('cpu.max', `${quota} ${period}`);
  }

  add(pid: number): void {
    this.#write('cgroup.procs', String(pid));
  }

  /** Out of it again: to the group of all. */
  release(pid: number): void {
    writeFileSync(join(this.#folder, '../cgroup.procs'), String(pid));
  }

  close(): void {
    rmdirSync(this.#folder);
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }
}
