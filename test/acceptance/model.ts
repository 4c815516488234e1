// The model of handoff and close: nothing wrong in it, and each planted mistake found.
import { MISTAKES, check } from '../model/model.ts';
import { Report } from '../support/report.ts';

const MISTAKE_LIMIT_MS = 60_000;
const WHOLE_LIMIT_MS = 600_000;
const STEPS = 80;
const report = new Report();

for (const mistake of MISTAKES) {
  const { states, error } = check({ mistake, limitMs: MISTAKE_LIMIT_MS });
  report.check(`mistake ${mistake} is found`, error !== '', `${states} states: ${error}`);
}
const calm = check({ packets: 3, calm: true, limitMs: WHOLE_LIMIT_MS });
const isWhole = calm.error === '' && calm.complete && calm.states > 1000;
report.check('no channel breaks: every state holds', isWhole, `${calm.states} ${calm.error}`);
const broken = check({ packets: 2, depth: STEPS, limitMs: WHOLE_LIMIT_MS });
const seen = `${broken.states} states of the first ${STEPS} steps ${broken.error}`;
const holds = broken.error === '' && broken.states > 1_000_000;
report.check('a channel breaks or an agent starts anew: it holds', holds, seen);
report.finish();
