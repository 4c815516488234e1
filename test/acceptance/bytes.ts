// nginx and Apache behind the switch: every byte right, in both table modes, with 1, 2 and 4 workers.
import { checkBytes } from '../support/byte-exact.ts';
import { Report } from '../support/report.ts';

const report = new Report();
await checkBytes(report, 'IPv4');
report.finish();
