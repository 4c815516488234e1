// A dispatcher in a process of its own, asked through the real control channel (TLS): decisions per second
// of its CPU with 1,000 outstanding, and the batching rule on the wire (Aron et al. 2000, section 5.4).
import { askDispatcher } from '../support/dispatch-pair.ts';
import { Report } from '../support/report.ts';

const OUTSTANDING = 1000;
const SECONDS = 6;
const PER_CPU_SECOND = 200_000;

const report = new Report();

await report.part('dispatcher', async () => {
  const { load, cpuSeconds, dispatcher } = await askDispatcher(OUTSTANDING, SECONDS);
  const rate = load.decisions / cpuSeconds;
  report.check(
    `at least ${PER_CPU_SECOND} LARD decisions per CPU-second with ${OUTSTANDING} outstanding`,
    rate >= PER_CPU_SECOND && cpuSeconds > 0.2,
    `${Math.round(rate)} (${load.decisions} in ${cpuSeconds.toFixed(2)} s of CPU)`,
  );
  report.check(
    'never two batches outstanding',
    load.mostOutstanding === 1,
    `${load.mostOutstanding} at most, of ${load.batches} batches`,
  );
  report.check(
    'the first goes at once and alone, the second holds all that came meanwhile',
    load.sizes[0] === 1 && load.sizes[1] === OUTSTANDING,
    load.sizes.slice(0, 6).join(' '),
  );
  report.check(
    'and so does each that follows',
    load.sizes.length > 100 && load.sizes.every((size, index) => size === load.waited[index]),
    `${load.sizes.length} looked at`,
  );
  report.check('each request has a server', load.undecided === 0, load.undecided);
  report.check('a target keeps its server', load.moved === 0, `${load.moved} moved`);
  report.check(
    'the dispatcher has counted what was asked',
    dispatcher.decisions >= load.decisions && dispatcher.largestBatch === OUTSTANDING,
    `${dispatcher.decisions} decisions in ${dispatcher.batches} batches`,
  );
});
report.finish();
