// Each engine, whole pipeline, against a C loop on a TUN and the kernel's DNAT: the comparison `engines`.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
checkRatios(report, 'engines', [
  { subject: 'tun, packets per CPU-second', atLeast: 0.8 },
  { subject: 'packet, packets per CPU-second', atLeast: 1.5 },
  { subject: 'xdp, packets per CPU-second', atLeast: 1.7 },
  { subject: 'xdp, whole path on one CPU', atLeast: 0.7 },
]);
report.finish();
