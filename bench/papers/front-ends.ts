// How evenly front ends are loaded: DNS round robin behind resolvers that keep the answer, against a switch
// that gives each connection to the front end with the fewest.
import { Random } from '../../src/lab/random.ts';
import { Scheduler } from '../../test/simulation/scheduler.ts';
import { exponential } from './distributions.ts';
import type { Page } from './page.ts';
import { drawIndex, zipfSums } from './popularity.ts';
import { POOL, dispatcherOf, quantile } from './servers.ts';

export interface Population {
  name: string;
  resolvers: number;
  /** clients behind each resolver go as rank^-exponent; 0: equal */
  exponent: number;
}

export interface FrontPlan {
  frontEnds: number;
  population: Population;
  ttlSeconds: number;
  connectionsPerSecond: number;
  /** how long a connection is open, exponential */
  meanSeconds: number;
  seconds: number;
  seed: number;
}

export interface Imbalance {
  /** the busiest front end's open connections over the mean of all: its mean over time */
  mean: number;
  /** what it exceeds in 5 % of the seconds */
  percentile95: number;
}

type Choose = (nowMs: number) => number;

/** Which front end a client's resolver names: the next in turn, kept as long as the answer may be. */
function dnsRoundRobin({ frontEnds, population, ttlSeconds }: FrontPlan, random: Random): Choose {
  const shares = zipfSums(population.resolvers, population.exponent);
  const named = new Uint8Array(population.resolvers);
  const untilMs = new Float64Array(population.resolvers).fill(-1);
  let next = 0;
  return (nowMs) => {
    const resolver = drawIndex(shares, random);
    if (untilMs[resolver]! <= nowMs) {
      named[resolver] = next;
      next = (next + 1) % frontEnds;
      untilMs[resolver] = nowMs + ttlSeconds * 1000;
    }
    return named[resolver]!;
  };
}

/** Open connections, second by second, from when the number has settled. */
function watch(
  plan: FrontPlan,
  random: Random,
  choose: Choose,
  onEnd: (at: number) => void,
): Imbalance {
  const scheduler = new Scheduler();
  const open = new Float64Array(plan.frontEnds);
  const ratios: number[] = [];
  const arrive = (): void => {
    const at = choose(scheduler.nowMs);
    open[at]! += 1;
    scheduler.after(exponential(random, plan.meanSeconds * 1000), () => {
      open[at]! -= 1;
      onEnd(at);
    });
    scheduler.after(exponential(random, 1000 / plan.connectionsPerSecond), arrive);
  };
  arrive();
  const settledMs = plan.meanSeconds * 10_000;
  for (let second = 1; second <= plan.seconds; second += 1) {
    scheduler.runUntil(settledMs + second * 1000);
    const sum = open.reduce((all, each) => all + each, 0);
    ratios.push((Math.max(...open) * plan.frontEnds) / sum);
  }
  return {
    mean: ratios.reduce((all, each) => all + each, 0) / ratios.length,
    percentile95: quantile(Float64Array.from(ratios), 0.95),
  };
}

export function runDns(plan: FrontPlan): Imbalance {
  const random = new Random(plan.seed);
  return watch(plan, random, dnsRoundRobin(plan, random.fork()), () => {});
}

/** The switch in front gives a SYN to the front end with the fewest connections. */
export function runSwitch(plan: FrontPlan): Imbalance {
  const random = new Random(plan.seed);
  const dispatcher = dispatcherOf(plan.frontEnds, { policy: 'least-connections' }, random.fork());
  const usable = new Uint8Array(plan.frontEnds).fill(1);
  const choose: Choose = (nowMs) => dispatcher.assign(POOL, 0, usable, nowMs);
  return watch(plan, random, choose, (at) => dispatcher.release(at));
}

const POPULATIONS: readonly Population[] = [
  { name: '1000 resolvers of equal size', resolvers: 1000, exponent: 0 },
  { name: '1000 resolvers, sizes by Zipf', resolvers: 1000, exponent: 1 },
  { name: '50 resolvers, sizes by Zipf', resolvers: 50, exponent: 1 },
];
const TTLS = [1, 10, 60, 300, 1800];
const PLAN = {
  frontEnds: 4,
  connectionsPerSecond: 60,
  meanSeconds: 10,
  seconds: 1800,
  seed: 9,
};

export interface FrontFigures {
  dns: { population: Population; ttlSeconds: number; imbalance: Imbalance }[];
  balanced: Imbalance;
}

export function measureFrontEnds(): FrontFigures {
  const dns = POPULATIONS.flatMap((population) =>
    TTLS.map((ttlSeconds) => ({
      population,
      ttlSeconds,
      imbalance: runDns({ ...PLAN, population, ttlSeconds }),
    })),
  );
  const balanced = runSwitch({ ...PLAN, population: POPULATIONS[0]!, ttlSeconds: 1 });
  return { dns, balanced };
}

export function frontEndPage({ dns, balanced }: FrontFigures): Page {
  const shown = ({ mean, percentile95 }: Imbalance): string =>
    `${mean.toFixed(2)}, ${percentile95.toFixed(2)}`;
  const of = (name: string): FrontFigures['dns'] =>
    dns.filter(({ population }) => population.name === name);
  const worst = dns.toSorted((a, b) => a.imbalance.mean - b.imbalance.mean).at(-1)!;
  return {
    title: 'Balance of front ends: DNS round robin against a switch in front',
    text: [
      `Simulated: ${PLAN.frontEnds} front ends, ${PLAN.connectionsPerSecond} connections per second, each ` +
        `open for ${PLAN.meanSeconds} s on average, over ${PLAN.seconds / 60} minutes. A client asks its ` +
        'resolver, which keeps the answer for its whole TTL; the name server gives the front ends in turn. ' +
        'The figure is the open connections of the busiest front end over the mean of all: its mean over ' +
        'time, and what it exceeds in 5 % of the seconds. The switch is the dispatcher with the policy ' +
        'least-connections.',
    ],
    figures: [
      {
        what: 'balance among front ends',
        paper: '"known to lead to poor load balancing" (no figure)',
        setUp: 'mirroring, or DNS round robin (Aron et al. 2000, section 4)',
        ours:
          `${worst.imbalance.mean.toFixed(2)} (${worst.population.name}, TTL ` +
          `${worst.ttlSeconds} s); switch ${balanced.mean.toFixed(2)}`,
        why: 'resolvers and TTL are ours',
      },
    ],
    tables: [
      {
        columns: ['busiest/mean: mean, 95th percentile', ...TTLS.map((ttl) => `TTL ${ttl} s`)],
        rows: [
          ...POPULATIONS.map(({ name }) => [
            name,
            ...of(name).map(({ imbalance }) => shown(imbalance)),
          ]),
          ['switch, least connections', ...TTLS.map(() => shown(balanced))],
        ],
      },
    ],
    plots: [
      {
        name: 'front-ends',
        title: 'Open connections of the busiest of 4 front ends over the mean',
        x: 'TTL, s',
        y: 'busiest/mean',
        isLogarithmic: true,
        series: [
          ...POPULATIONS.map(({ name }) => ({
            name,
            points: of(name).map((each) => [each.ttlSeconds, each.imbalance.mean] as const),
          })),
          { name: 'switch', points: TTLS.map((ttl) => [ttl, balanced.mean] as const) },
        ],
      },
    ],
  };
}
