// The byte-exact suite in the placements other than `single`, which `bytes` has: nginx and Apache, one and
// two workers, both address families.
import { checkPlacement } from '../support/byte-exact.ts';
import { Report } from '../support/report.ts';

const report = new Report();
await checkPlacement(report, 'co-located');
await checkPlacement(report, 'layer4');
report.finish();
