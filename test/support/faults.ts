import type { TestLab } from './lab.ts';
import type { Report } from './report.ts';

/** No event failed inside a plane of any of these hosts. */
export async function checkFaults(
  report: Report,
  lab: TestLab,
  hosts: readonly string[],
): Promise<void> {
  for (const host of hosts) {
    const { faults } = await lab.stats(host);
    report.check(`${host}: no event failed`, faults === 0, faults);
  }
}
