// The papers' effect, with the real policies before simulated servers: content-aware policies add memories
// up, blind ones do not; where one memory is enough there is nothing to gain.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Everything } from '../../bench/papers/all.ts';
import { measureAll, pagesOf } from '../../bench/papers/all.ts';
import type { FrontFigures } from '../../bench/papers/front-ends.ts';
import type { BatchRow } from '../../bench/papers/batching.ts';
import { at } from '../../bench/papers/locality.ts';
import type { Locality } from '../../bench/papers/locality.ts';
import type { MixFigures } from '../../bench/papers/mixes.ts';
import { writePages } from '../../bench/papers/page.ts';
import { coLocated, crossover, multiple } from '../../bench/papers/placements.ts';
import { IBM, RICE } from '../../bench/papers/popularity.ts';
import { perByte } from '../../bench/papers/splicing.ts';
import type { SizeRow } from '../../bench/papers/splicing.ts';
import { Report } from '../support/report.ts';

const MOST_CPU_SECONDS = 60;
const report = new Report();
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** The folder that a person would get: every plot of the pages is there. */
function checkPages(everything: Everything): void {
  const folder = mkdtempSync(join(tmpdir(), 'baton-papers-'));
  try {
    const files = writePages(folder, pagesOf(everything));
    const text = readFileSync(join(folder, 'papers.md'), 'utf8');
    for (const line of text.split('\n').filter((each) => each.startsWith('|'))) report.note(line);
    const named = [...text.matchAll(/\]\((\S+\.svg)\)/g)].map(([, name]) => join(folder, name!));
    const drawn = named.filter((file) =>
      /^<svg .*<polyline .*<\/svg>\n$/s.test(readFileSync(file, 'utf8')),
    );
    const isWhole = named.length > 0 && drawn.length === named.length;
    report.check('every plot is there', isWhole && files.length === named.length + 1, drawn.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function checkFit({ trace }: Locality): void {
  const { name, cover } = trace.published;
  for (const [share, bytes] of cover) {
    const ours = trace.cover(share);
    const seen = `${(ours / 1e6).toFixed(0)} MB, published ${bytes / 1e6} MB`;
    const what = `${name}: the cache that covers ${share * 100} % is within 5 %`;
    report.check(what, Math.abs(ours / bytes - 1) < 0.05, seen);
  }
}

function checkRice(rice: Locality): void {
  const gained = (servers: number): number =>
    at(rice, 'lard', servers).hitRatio - at(rice, 'round-robin', servers).hitRatio;
  for (const servers of [4, 8, 16]) {
    const hits = (['lard', 'round-robin'] as const).map((policy) =>
      percent(at(rice, policy, servers).hitRatio),
    );
    const what = `Rice-like, ${servers} servers: LARD hits 10 points more than weighted round robin`;
    report.check(what, gained(servers) > 0.1, hits.join(' over '));
  }
  report.check(
    'Rice-like: LARD gains more the more servers there are',
    gained(2) < gained(4) && gained(4) < gained(8),
    [2, 4, 8].map((servers) => percent(gained(servers))).join(', '),
  );
  const [one, sixteen] = [1, 16].map((servers) => at(rice, 'round-robin', servers).hitRatio);
  report.check(
    'Rice-like: weighted round robin gains nothing by 16 servers',
    Math.abs(sixteen! - one!) < 0.02,
    `${percent(sixteen!)}, alone ${percent(one!)}`,
  );
  const ratio = at(rice, 'lard', 8).throughput / at(rice, 'round-robin', 8).throughput;
  report.check(
    'Rice-like, 8 servers: LARD answers twice the requests',
    ratio > 1.9,
    `${ratio.toFixed(2)} times`,
  );
  for (const policy of ['lard-replicated', 'lard-cost', 'bounded-load'] as const) {
    const { hitRatio } = at(rice, policy, 8);
    const what = `Rice-like, 8 servers: ${policy} hits 10 points more than weighted round robin`;
    report.check(what, hitRatio - at(rice, 'round-robin', 8).hitRatio > 0.1, percent(hitRatio));
  }
}

function checkIbm(ibm: Locality): void {
  const gain = at(ibm, 'lard', 4).hitRatio - at(ibm, 'round-robin', 4).hitRatio;
  const what = 'IBM-like, 4 servers: one memory is almost enough, so LARD gains less than 5 points';
  report.check(what, gain > 0 && gain < 0.05, percent(gain));
}

/** The paper gives no figure here: that DNS is worse is what it says. */
function checkFrontEnds({ dns, balanced }: FrontFigures): void {
  report.check(
    'front ends: the switch keeps the busiest within 5 % of the mean',
    balanced.mean < 1.05,
    balanced.mean.toFixed(3),
  );
  for (const { population, ttlSeconds, imbalance } of dns) {
    if (population.exponent === 0 || ttlSeconds < 60) continue;
    const what = `front ends: DNS, ${population.name}, TTL ${ttlSeconds} s: 20 % above the mean`;
    report.check(what, imbalance.mean > 1.2, imbalance.mean.toFixed(2));
  }
}

/** No result of theirs was found: the 90th percentiles are shown, and must be sane. */
function checkMixes(mixes: readonly MixFigures[]): void {
  const find = (mix: string, policy: string): number[] =>
    mixes
      .filter((each) => each.mix === mix && each.policy === policy)
      .map(({ percentile90 }) => percentile90);
  for (const policy of new Set(mixes.map((each) => each.policy))) {
    const [still, dynamic] = [find('mostly-static', policy), find('mostly-dynamic', policy)];
    const isSane =
      dynamic.every((each, at) => each > still[at]!) &&
      [still, dynamic].every((each) => each.at(-1)! > each[0]!);
    const seen = [still, dynamic]
      .map((each) => each.map((ms) => ms.toFixed(0)).join(' '))
      .join(', ');
    report.check(`${policy}: pages take longer with load, and when they are dynamic`, isSane, seen);
  }
}

/** Timing on a busy machine: only what is far apart is compared. */
function checkSplicing(rows: readonly SizeRow[]): void {
  const [small, large] = [rows[0]!, rows.at(-1)!];
  report.check(
    "splicing costs the switch's host more than a handoff, with every response",
    rows.every(({ handoff, splicing }) => splicing.front > handoff.front),
    rows.map(({ handoff, splicing }) => (splicing.front / handoff.front).toFixed(1)).join(', '),
  );
  const bytes = [perByte(rows, 'splicing'), perByte(rows, 'handoff')] as const;
  report.check(
    'and with every byte: 10 MiB cost twice 1 KiB',
    large.splicing.front > 2 * small.splicing.front && bytes[0] > bytes[1],
    `${bytes.map((ns) => ns.toFixed(2)).join(' and ')} ns`,
  );
}

function checkBatching(rows: readonly BatchRow[]): void {
  const [alone, most] = [rows[0]!, rows.at(-1)!];
  report.check(
    'batches: a dispatcher decides ten times as often with 1,000 waiting as with one',
    most.perCpuSecond > 10 * alone.perCpuSecond && alone.batch < 1.01,
    `${most.perCpuSecond.toFixed(0)} and ${alone.perCpuSecond.toFixed(0)} for each CPU-second`,
  );
}

/** The formulas, where the answer is known. */
function checkPlacements(): void {
  const best = Math.max(...[1, 2, 3, 4, 5, 6, 7].map((count) => multiple(8, count, 4)));
  report.check(
    'server-bound: co-located carries more than single from 6 servers on, and no less than multiple',
    crossover(4, 1 / 6) === 6 && coLocated(8, 4, 1 / 6) >= best,
    `${coLocated(8, 4, 1 / 6).toFixed(2)} over ${best.toFixed(2)} at 8 hosts`,
  );
}

const everything = await measureAll((what) => report.note(what));
const { user, system } = process.cpuUsage();
const cpuSeconds = (user + system) / 1e6;
await report.part('the pages', async () => checkPages(everything));
for (const locality of everything.localities) {
  checkFit(locality);
  if (locality.plan.published === RICE) checkRice(locality);
  if (locality.plan.published === IBM) checkIbm(locality);
}
checkMixes(everything.mixes);
checkFrontEnds(everything.frontEnds);
const { handoff, dispatcher } = everything.costs;
report.check(
  "the dispatcher's part of a connection is less than a tenth of the handoff's",
  dispatcher < handoff / 10,
  `${dispatcher.toFixed(3)} of ${handoff.toFixed(1)} µs`,
);
checkBatching(everything.batches);
const { inLab } = everything;
report.check('the lab was measured', inLab !== undefined);
if (inLab) checkSplicing(inLab.sizes);
checkPlacements();
const limit = `all took less than ${MOST_CPU_SECONDS} s of CPU`;
report.check(limit, cpuSeconds < MOST_CPU_SECONDS, `${cpuSeconds.toFixed(1)} s`);
report.finish();
