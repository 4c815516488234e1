// The byte-exact suite in the placements other than `single`, which `bytes` has: nginx and Apache, one and
// two workers, both address families. Then with two switches that have VIPs of their own.
import { checkApart, checkPlacement } from '../support/byte-exact.ts';
import { Report } from '../support/report.ts';

const report = new Report();
/** Only what has this word in its name, e.g. `multiple`; everything without. */
const [only = ''] = process.argv.slice(2);
for (const placement of ['co-located', 'layer4'] as const) {
  if (placement.includes(only)) await checkPlacement(report, placement);
}
for (const placement of ['multiple', 'single'] as const) {
  if (placement.includes(only)) await checkApart(report, placement, 2);
}
report.finish();
