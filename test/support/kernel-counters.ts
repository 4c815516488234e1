import { readFileSync } from 'node:fs';
import type { Lab } from '../../src/lab/cluster.ts';

/** Figures of a network namespace as /proc of a process in it has them, e.g. `Tcp.InCsumErrors`. */
export function kernelCounters(pid: number): Map<string, number> {
  const counters = new Map<string, number>();
  const read = (name: string) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8').trim().split('\n');
  for (const name of ['snmp', 'netstat']) {
    const lines = read(name).map((line) => line.split(' '));
    // two lines of a protocol: names, values
    for (let index = 0; index + 1 < lines.length; index += 2) {
      const [protocol = '', ...fields] = lines[index]!;
      for (const [at, field] of fields.entries()) {
        counters.set(protocol.replace(':', '.') + field, Number(lines[index + 1]![at + 1]));
      }
    }
  }
  for (const line of read('snmp6')) {
    const [name = '', value] = line.split(/\s+/);
    counters.set(name, Number(value));
  }
  return counters;
}

/** Of all hosts of a lab: what a kernel received and found wrong, `server1 Tcp.InCsumErrors 3`. */
export function wrongChecksums(lab: Lab): string[] {
  return Object.values(lab.hosts).flatMap(({ name, pid }) =>
    [...kernelCounters(pid)]
      .filter(([counter, value]) => /Csum/.test(counter) && value > 0)
      .map(([counter, value]) => `${name} ${counter} ${value}`),
  );
}
