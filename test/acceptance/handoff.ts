// What baton adds to the time of the first byte on an idle lab, beside a direct connection.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
checkRatios(report, 'handoff', [
  { subject: 'idle, us added to the first byte at p50', atMost: 300 },
  { subject: 'idle, us added to the first byte at p99', atMost: 2000 },
]);
report.finish();
