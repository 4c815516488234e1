// A million connections made by handoffs, and 15,000 real ones: memory, packets, expiry.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
const sweep = { atMost: 100 };
checkRatios(report, 'scale', [
  { subject: 'bytes per connection at the switch', atMost: 160 },
  { subject: 'packets, 1000000 connections handed over', atMost: 4 },
  { subject: 'sweep, all in use', ...sweep },
  { subject: 'sweep, all idle for too long', ...sweep },
  { subject: 'sweep, 100000 are over', ...sweep },
  { subject: 'real connections in the lab', atLeast: 1 },
]);
report.finish();
