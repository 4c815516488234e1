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
checkRatios(report, 'engines', [{ subject: 'tun, packets per CPU-second', atLeast: 0.85 }]);
// what is thrown away unread is bound by the agent's two copies: shown, not asked for
checkRatios(report, 'download', [{ subject: 'download', atLeast: 0.7 }]);
report.finish();
