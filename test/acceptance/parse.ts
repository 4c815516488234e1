// A request head against llhttp in Wasm. What a short head costs is half the call from JavaScript: it is
// shown, not asked for.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
checkRatios(report, 'parse', [
  { subject: 'parse head of 386 bytes', atMost: 0.3 },
  { subject: 'parse long head', atMost: 0.3 },
]);
report.finish();
