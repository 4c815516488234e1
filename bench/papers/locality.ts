// Which policy finds what is in a server's memory: the papers' policies over the two synthetic traces.
import type { PolicyName } from '../../src/config/choices.ts';
import { runLoop } from './closed-loop.ts';
import type { LoopFigures } from './closed-loop.ts';
import type { Figure, Page, Table } from './page.ts';
import type { Plot } from '../report/plot.ts';
import { IBM, RICE, Trace } from './popularity.ts';
import type { Published } from './popularity.ts';
import type { Equipment } from './servers.ts';

/**
 * The cache: between the 70 and 95 MB of Aron et al. 1999. The disk's delay was chosen so that one server
 * answers about their 151 requests/s.
 */
export const EQUIPMENT: Equipment = {
  cacheBytes: 85e6,
  diskMs: 28,
  diskMsPerKb: 0.1,
  cpuMs: 1,
  cpuMsPerKb: 0.02,
  linkBytesPerMs: 12_500,
};

const POLICIES: readonly PolicyName[] = [
  'round-robin',
  'least-connections',
  'lard',
  'lard-replicated',
  'lard-cost',
  'cap',
  'bounded-load',
];

export interface LocalityPlan {
  published: Published;
  /** numbers of servers, rising */
  servers: readonly number[];
  policies: readonly PolicyName[];
  clientsPerServer: number;
  /** requests before any are measured: so many, and so many for each server */
  warmUp: number;
  warmUpPerServer: number;
  measured: number;
  seed: number;
}

export interface Measured extends LoopFigures {
  servers: number;
  policy: PolicyName;
}

export interface Locality {
  plan: LocalityPlan;
  trace: Trace;
  measured: Measured[];
}

const WHOLE = {
  policies: POLICIES,
  clientsPerServer: 40,
  warmUp: 40_000,
  warmUpPerServer: 8_000,
  measured: 40_000,
  seed: 7,
};

export const PLANS: readonly LocalityPlan[] = [
  { ...WHOLE, published: RICE, servers: [1, 2, 4, 8, 16] },
  { ...WHOLE, published: IBM, servers: [1, 4, 16] },
];

export function measureLocality(plan: LocalityPlan, equipment = EQUIPMENT): Locality {
  const trace = new Trace(plan.published, plan.seed);
  const { clientsPerServer, measured, seed } = plan;
  const found = plan.servers.flatMap((servers) => {
    const warmUp = plan.warmUp + servers * plan.warmUpPerServer;
    const loop = { trace, servers, clientsPerServer, warmUp, measured, equipment, seed };
    // one server leaves nothing to choose
    const only = servers === 1 ? runLoop(loop, { policy: 'round-robin' }) : undefined;
    return plan.policies.map((policy) => ({
      servers,
      policy,
      ...(only ?? runLoop(loop, { policy })),
    }));
  });
  return { plan, trace, measured: found };
}

/** What a policy reached with so many servers. */
export function at({ measured }: Locality, policy: PolicyName, servers: number): Measured {
  const found = measured.find((each) => each.policy === policy && each.servers === servers);
  if (!found) throw new Error(`papers: ${policy} with ${servers} servers was not measured`);
  return found;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function fitFigures({ trace }: Locality): Figure[] {
  const { name, targets, bytes, cover } = trace.published;
  const shared = { setUp: 'log of a web site (Aron et al. 2000, section 6.2)', why: '' };
  const sum = trace.sizes.reduce((all, size) => all + size, 0);
  return [
    {
      ...shared,
      what: `${name}: targets, bytes`,
      paper: `${targets}, ${megabytes(bytes)}`,
      ours: `${trace.sizes.length}, ${megabytes(sum)}`,
    },
    ...cover.map(([share, published]) => ({
      ...shared,
      what: `${name}: cache that covers ${share * 100} % of the requests`,
      paper: megabytes(published),
      ours: megabytes(trace.cover(share)),
      why: 'sizes are drawn at random',
    })),
  ];
}

function effect(locality: Locality): Figure {
  const most = Math.max(...locality.plan.servers.filter((servers) => servers <= 8));
  const [blind, lard] = [at(locality, 'round-robin', most), at(locality, 'lard', most)];
  const ratio = (lard.throughput / blind.throughput).toFixed(1);
  return {
    what: `${locality.trace.published.name}: LARD over weighted round robin, ${most} servers`,
    paper: '2 to 4 times the requests/s where the working set exceeds one memory',
    setUp: 'Pai et al. 1998, abstract: prototype and simulation, other traces too',
    ours: `${ratio} times; hits ${percent(lard.hitRatio)} over ${percent(blind.hitRatio)}`,
    why: 'throughput follows the disk and the link that are stated; the hits are the claim',
  };
}

function single(locality: Locality): Figure {
  return {
    what: `${locality.trace.published.name}: one server`,
    paper: '151 requests/s',
    setUp: 'Apache 1.3.3, 300 MHz Pentium II, the Rice trace (Aron et al. 1999)',
    ours: `${at(locality, 'round-robin', 1).throughput.toFixed(0)} requests/s`,
    why: 'the delay of our disk was chosen for this figure: no result',
  };
}

function resultTable({ plan, measured, trace }: Locality): Table {
  const cell = ({ hitRatio, throughput, percentile90, imbalance }: Measured): string =>
    `${percent(hitRatio)}, ${throughput.toFixed(0)}/s, ${percentile90.toFixed(0)} ms, ` +
    imbalance.toFixed(2);
  return {
    columns: [
      `${trace.published.name}: hits, requests, 90th percentile, busiest server/mean`,
      ...plan.servers.map((servers) => `${servers} ${servers === 1 ? 'server' : 'servers'}`),
    ],
    rows: plan.policies.map((policy) => [
      policy,
      ...measured.filter((each) => each.policy === policy).map(cell),
    ]),
  };
}

function plotsOf({ plan, measured, trace }: Locality): Plot[] {
  const { name } = trace.published;
  const plot = (what: string, y: string, read: (each: Measured) => number): Plot => ({
    name: `${name.toLowerCase()}-${what}`,
    title: `${name} trace: ${y}`,
    x: 'servers',
    y,
    isLogarithmic: true,
    series: plan.policies.map((policy) => ({
      name: policy,
      points: measured
        .filter((each) => each.policy === policy)
        .map((each) => [each.servers, read(each)] as const),
    })),
  });
  return [
    plot('hits', 'share of requests that hit', ({ hitRatio }) => hitRatio),
    plot('throughput', 'requests per second', ({ throughput }) => throughput),
    plot('percentile', '90th percentile, ms', ({ percentile90 }) => percentile90),
  ];
}

export function localityPage(localities: readonly Locality[]): Page {
  const { cacheBytes, diskMs, diskMsPerKb, cpuMs, cpuMsPerKb, linkBytesPerMs } = EQUIPMENT;
  const [first] = localities;
  return {
    title: 'Locality: policies over the Rice-like and IBM-like traces',
    text: [
      'The traces are synthetic. A Zipf law is laid through the published points (97 and 98 % of the ' +
        'requests), sizes are lognormal and know nothing of popularity, requests are independent: a ' +
        'real log also asks again soon for what it just asked for, so its hit ratios are higher. MB and ' +
        'GB are taken as powers of ten.',
      `A server, simulated: ${megabytes(cacheBytes)} of LRU cache of its own; a disk that reads one file ` +
        `after the other, ${diskMs} ms and ${diskMsPerKb} ms/KB each; a processor, ${cpuMs} ms and ` +
        `${cpuMsPerKb} ms/KB for each request; a link of ${linkBytesPerMs * 0.008} Mb/s. ` +
        `${first?.plan.clientsPerServer} clients for each server ask again as soon as they are answered ` +
        '(closed loop), a connection for each request. The policies are those of the switch, fed with ' +
        'heads that its own parser read. Round robin has equal weights, it is not weighted by load. CAP ' +
        'has one class here, so it is round robin.',
      'The papers put most weight on throughput. Ours follows the stated disk and link, so the claim is ' +
        'the share of requests that hit a cache: blind policies keep the same files in every memory, the ' +
        'others add the memories up. In the IBM-like trace 97 % fit one memory: there is little to gain.',
    ],
    figures: localities.flatMap((each) => [
      ...fitFigures(each),
      ...(each.plan.published === RICE ? [single(each)] : []),
      effect(each),
    ]),
    tables: localities.map(resultTable),
    plots: localities.flatMap(plotsOf),
  };
}
