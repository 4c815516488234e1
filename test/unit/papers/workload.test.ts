// The workload's distributions against their means and quantiles; sessions and front ends, small.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measureCosts } from '../../../bench/papers/costs.ts';
import { WORKLOAD } from '../../../bench/papers/distributions.ts';
import { runDns, runSwitch } from '../../../bench/papers/front-ends.ts';
import type { FrontPlan } from '../../../bench/papers/front-ends.ts';
import { quantile } from '../../../bench/papers/servers.ts';
import { CLASSES, runSessions } from '../../../bench/papers/sessions.ts';
import type { SessionPlan } from '../../../bench/papers/sessions.ts';
import { Random } from '../../../src/lab/random.ts';

const test = suite('papers: workload');
const DRAWS = 200_000;

function drawn(draw: (random: Random) => number): Float64Array {
  const random = new Random(11);
  return new Float64Array(DRAWS).map(() => draw(random));
}

function near(found: number, wanted: number, within = 0.02): void {
  assert.ok(Math.abs(found / wanted - 1) < within, `${found}, expected ${wanted}`);
}

const mean = (values: Float64Array): number => values.reduce((sum, each) => sum + each, 0) / DRAWS;

test('requests of a session: mean mu, variance mu^3/lambda', () => {
  const values = drawn(WORKLOAD.requestsPerSession);
  near(mean(values), 3.86);
  near(mean(values.map((each) => (each - 3.86) ** 2)), 3.86 ** 3 / 9.46, 0.05);
});

test('Pareto: the quantile of p is k (1 - p)^(-1/alpha)', () => {
  const pairs = [
    [WORKLOAD.thinkSeconds, 1.4, 1],
    [WORKLOAD.objectsPerPage, 1.33, 2],
  ] as const;
  for (const [draw, alpha, least] of pairs) {
    const values = drawn(draw);
    assert.ok(Math.min(...values.subarray(0, 10_000)) >= least);
    for (const share of [0.25, 0.5, 0.9, 0.99]) {
      near(quantile(values, share), least * (1 - share) ** (-1 / alpha), 0.06);
    }
  }
});

test('embedded objects: median e^mu, a standard deviation up e^(mu + sigma)', () => {
  const values = drawn(WORKLOAD.objectBytes);
  near(quantile(values, 0.5), Math.exp(8.215));
  near(quantile(values, 0.84134), Math.exp(8.215 + 1.46), 0.03);
});

test('HTML: lognormal below 10,240 bytes, from there a Pareto tail', () => {
  const values = drawn(WORKLOAD.htmlBytes);
  near(quantile(values, 0.5), Math.exp(7.63));
  const tail = values.filter((each) => each > 10_240);
  near(tail.length / DRAWS, 0.0546, 0.05); // 1 - Phi((ln 10240 - 7.63) / 1.001)
  near(quantile(tail, 0.5), 20_480, 0.06);
});

const SESSIONS: SessionPlan = {
  mix: { name: 'half', cpu: 0.25, disk: 0.25 },
  servers: 3,
  sessionsPerServer: 15,
  warmUp: 200,
  measured: 400,
  seed: 2,
};

test('sessions: dynamic pages take longer, the same seed gives the same figures', () => {
  const cap = { policy: 'cap', classes: CLASSES } as const;
  const half = runSessions(SESSIONS, cap);
  assert.equal(half, runSessions(SESSIONS, cap));
  const still = runSessions({ ...SESSIONS, mix: { name: 'static', cpu: 0, disk: 0 } }, cap);
  assert.ok(half.percentile90 > still.percentile90, `${half.percentile90} ${still.percentile90}`);
});

const FRONT: FrontPlan = {
  frontEnds: 4,
  population: { name: 'few', resolvers: 20, exponent: 1 },
  ttlSeconds: 300,
  connectionsPerSecond: 60,
  meanSeconds: 5,
  seconds: 300,
  seed: 9,
};

test('front ends: DNS with few large resolvers is uneven, the switch is even', () => {
  assert.ok(runDns(FRONT).mean > 1.2, String(runDns(FRONT).mean));
  assert.ok(runSwitch(FRONT).mean < 1.05, String(runSwitch(FRONT).mean));
});

test('front ends: with an answer for each connection even DNS is almost even', () => {
  const each = runDns({ ...FRONT, ttlSeconds: 0 });
  assert.ok(each.mean < 1.15, String(each.mean));
});

test('costs: every connection is handed over and gone again, round after round', async () => {
  const costs = await measureCosts({ rounds: 2, connections: 20, decisions: 2000 });
  assert.ok(costs.handoff > costs.dispatcher && costs.dispatcher > 0, JSON.stringify(costs));
});

test.run();
