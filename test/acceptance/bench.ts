// The comparisons of `npm run bench` that the first release promised, against their limits.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
const core = { atMost: 1.3 };
checkRatios(
  report,
  'core',
  [
    { subject: 'core 1 k uniform, streaming', ...core },
    { subject: 'core 1 k uniform, cache-hot', ...core },
  ],
  ['1', 'k'],
);
const perCpuSecond = { atLeast: 0.85 };
checkRatios(report, 'tun', [
  { subject: 'tun, 1 entries, packets per CPU-second', ...perCpuSecond },
  { subject: 'tun, 1000 entries, packets per CPU-second', ...perCpuSecond },
]);
// what is thrown away unread is bound by the agent's two copies: shown, not asked for
checkRatios(report, 'download', [{ subject: 'download', atLeast: 0.7 }]);
report.finish();
