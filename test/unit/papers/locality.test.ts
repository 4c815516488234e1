// The papers' experiments, small: the traces' shape, the servers, and the effect of locality.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EQUIPMENT, at, measureLocality } from '../../../bench/papers/locality.ts';
import type { LocalityPlan } from '../../../bench/papers/locality.ts';
import { drawPlot } from '../../../bench/report/plot.ts';
import { IBM, RICE, Trace } from '../../../bench/papers/popularity.ts';
import { Cache, SimulatedServer } from '../../../bench/papers/servers.ts';
import { Random } from '../../../src/lab/random.ts';
import { Scheduler } from '../../simulation/scheduler.ts';

const test = suite('papers: locality');

for (const published of [RICE, IBM]) {
  const trace = new Trace(published, 7);

  test(`${published.name}: the caches that cover the requests are those published`, () => {
    for (const [share, bytes] of published.cover) {
      assert.ok(Math.abs(trace.cover(share) / bytes - 1) < 0.05, `${share}: ${trace.cover(share)}`);
    }
  });

  test(`${published.name}: what is drawn agrees with the shares`, () => {
    const random = new Random(3);
    const [share, bytes] = published.cover[0]!;
    let covered = 0;
    let size = 0;
    const within = trace.sizes.map((each) => (size += each)).filter((sum) => sum <= bytes).length;
    for (let draw = 0; draw < 20_000; draw += 1) if (trace.draw(random) < within) covered += 1;
    assert.ok(Math.abs(covered / 20_000 - share) < 0.01, String(covered));
  });
}

test('a cache forgets what was not asked for longest; a file larger than it pushes nothing out', () => {
  const cache = new Cache(100);
  cache.put(1, 40);
  cache.put(2, 40);
  assert.ok(cache.use(1));
  cache.put(3, 40);
  cache.put(4, 101);
  assert.equal(
    [1, 2, 3, 4].map((target) => cache.use(target)),
    [true, false, true, false],
  );
});

test('a server: disk after disk, one read for all who wait, the second time from memory', () => {
  const scheduler = new Scheduler();
  const equipment = { ...EQUIPMENT, cpuMs: 1, cpuMsPerKb: 0, diskMs: 10, diskMsPerKb: 0 };
  const server = new SimulatedServer({ ...equipment, linkBytesPerMs: 1000 }, scheduler);
  const done: [string, number, boolean][] = [];
  const ask = (name: string, target: number): void => {
    const job = { target, bytes: 1000, cpuMs: 0, diskMs: 0 };
    server.serve(job, (isHit) => done.push([name, scheduler.nowMs, isHit]));
  };
  ask('first', 1);
  ask('other', 2);
  ask('waits', 1);
  scheduler.runUntil(100);
  ask('again', 1);
  scheduler.runUntil(200);
  assert.equal(done, [
    ['first', 12, false],
    ['waits', 13, false],
    ['other', 22, false],
    ['again', 102, true],
  ]);
});

/** A tenth of the Rice site on servers with a tenth of the memory. */
const SMALL: LocalityPlan = {
  published: {
    ...RICE,
    targets: RICE.targets / 10,
    bytes: RICE.bytes / 10,
    cover: RICE.cover.map(([share, bytes]) => [share, bytes / 10]),
  },
  servers: [1, 4],
  policies: ['round-robin', 'lard', 'lard-replicated', 'lard-cost', 'bounded-load'],
  clientsPerServer: 40,
  warmUp: 8_000,
  warmUpPerServer: 2_000,
  measured: 8_000,
  seed: 7,
};

test('content-aware policies add the memories up, round robin does not', () => {
  const found = measureLocality(SMALL, { ...EQUIPMENT, cacheBytes: EQUIPMENT.cacheBytes / 10 });
  const alone = at(found, 'round-robin', 1).hitRatio;
  const blind = at(found, 'round-robin', 4).hitRatio;
  assert.ok(Math.abs(blind - alone) < 0.03, `${blind} with four, ${alone} alone`);
  for (const policy of ['lard', 'lard-replicated', 'lard-cost', 'bounded-load'] as const) {
    const { hitRatio } = at(found, policy, 4);
    assert.ok(hitRatio > blind + 0.07, `${policy}: ${hitRatio} over ${blind}`);
  }
  assert.ok(at(found, 'lard', 4).throughput > 1.4 * at(found, 'round-robin', 4).throughput);
});

test('where one memory holds all, there is nothing to gain', () => {
  const plan: LocalityPlan = {
    ...SMALL,
    servers: [4],
    policies: ['round-robin', 'lard'],
    warmUp: 40_000,
  };
  const found = measureLocality(plan, EQUIPMENT);
  const gain = at(found, 'lard', 4).hitRatio - at(found, 'round-robin', 4).hitRatio;
  assert.ok(Math.abs(gain) < 0.05, String(gain));
});

test('the same seed gives the same figures', () => {
  const plan: LocalityPlan = {
    ...SMALL,
    servers: [4],
    policies: ['lard'],
    warmUp: 500,
    measured: 500,
  };
  assert.equal(measureLocality(plan).measured, measureLocality(plan).measured);
});

test('a plot: every value inside the area, names escaped', () => {
  const points = [[1, 0.2] as const, [16, 0.9] as const];
  const plot = { name: 'a', title: 'a < b', x: 'servers', y: 'hits', isLogarithmic: true };
  const text = drawPlot({ ...plot, series: [{ name: 'lard & more', points }] });
  assert.match(text, 'lard &amp; more');
  assert.match(text, 'a &lt; b');
  for (const [, x, y] of text.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)) {
    assert.ok(Number(x) >= 70 && Number(x) <= 540 && Number(y) >= 40 && Number(y) <= 340);
  }
});

test.run();
