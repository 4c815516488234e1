// Checksums and counters: incremental against full over random packets, and what the kernels and the
// switch's own figures say in a lab with traffic of all kinds. A part alone: -- NAME.
import { Report } from '../support/report.ts';
import { checkLab } from '../checksums/lab.ts';
import { checkModel } from '../checksums/model.ts';

const report = new Report();
const PARTS: Record<string, (report: Report) => Promise<void>> = {
  model: checkModel,
  lab: checkLab,
};
const chosen = process.argv.slice(2);
for (const [name, check] of Object.entries(PARTS)) {
  if (chosen.length === 0 || chosen.includes(name)) await report.part(name, () => check(report));
}
report.finish();
