// Which placement carries more connections: computed from what a connection cost each kind of host in the
// paper. Beside it what our own two kinds of front end cost in the lab.
import type { Page, Table } from './page.ts';
import type { Plot } from '../report/plot.ts';
import { UNMEASURED } from './splicing.ts';

/** µs for each connection: a distributor, and the switch in front at 20,000 connections/s (A00 4, 6) */
const PAPER = { distributor: 300, front: 50 };
const SHARE = PAPER.front / PAPER.distributor;
/** of all hosts but the switch in front */
const MOST_HOSTS = 16;
/** of the table */
const HOSTS = 8;
/** Of a connection's cost at the distributor, what its server costs: two loads. */
const LOADS = [
  { name: 'front-end-bound', server: 0.5 },
  { name: 'server-bound', server: 4 },
];

/** Connections in the time that one costs a distributor, each host one processor: the busiest decides. */
export function multiple(hosts: number, frontEnds: number, server: number): number {
  return Math.min(frontEnds, (hosts - frontEnds) / server);
}

/** One front end besides the servers, as many as hosts; the dispatcher's part is left out everywhere. */
export function single(servers: number, server: number): number {
  return Math.min(1, servers / server);
}

/** `front`: cost at the switch in front, of that at a distributor. */
export function coLocated(hosts: number, server: number, front: number): number {
  return Math.min(hosts / (1 + server), 1 / front);
}

/** The least number of servers with which co-located carries more than single; 0 = never. */
export function crossover(server: number, front: number): number {
  for (let hosts = 1; hosts <= 1000; hosts += 1) {
    if (coLocated(hosts, server, front) > single(hosts, server) + 1e-9) return hosts;
  }
  return 0;
}

export interface PlacementCosts {
  /** µs for each connection, both in the lab */
  handoff: number;
  front: number;
}

const TEXT =
  `Computed from the paper's costs, not measured and not simulated: the bound of the busiest ` +
  `host, each with one processor, without waiting. A connection costs a distributor ` +
  `${PAPER.distributor} µs and the switch in front ${PAPER.front} µs; its server costs half of ` +
  `the distributor's part (front-end-bound) or four times as much (server-bound), which are ` +
  `stated. What the dispatcher and the hops between hosts cost is left out. Our own front ends ` +
  `were measured in the lab, where the paper's order of magnitude does not show: our switch in ` +
  `front has SYN, update and close of each connection pass its control plane, and its worker ` +
  `polls as long as the other.`;

function ratioText({ handoff, front }: PlacementCosts): string {
  return `${(handoff / front).toFixed(1)} (${handoff.toFixed(0)} to ${front.toFixed(0)} µs)`;
}

function rate(relative: number): number {
  return (relative * 1000) / PAPER.distributor;
}

export function placementPage(costs: PlacementCosts | undefined): Page {
  return {
    title: 'Placements: single, multiple and co-located',
    text: [TEXT],
    figures: [
      {
        what: 'front-end processor time of single over co-located, a connection',
        setUp: '300 MHz Pentium II (Aron et al. 2000, sections 4 and 6)',
        paper: 'an order of magnitude; 300 to 50 µs by its numbers',
        ours: costs ? ratioText(costs) : UNMEASURED,
        why: 'every SYN, update and close passes the control plane in ours, and both poll',
      },
      {
        what: 'co-located overtakes single',
        setUp: 'IBM trace, 6.2',
        paper: 'from 5 nodes on',
        ours: LOADS.map(({ name, server }) => `${name}: ${crossover(server, SHARE)} servers`).join(
          ', ',
        ),
        why: 'follows from what a server costs over a distributor',
      },
    ],
    tables: LOADS.map(tableOf),
    plots: LOADS.map(plotOf),
  };
}

type PlacedLoad = (typeof LOADS)[number];

const WAYS = Array.from({ length: HOSTS - 1 }, (_, at) => at + 1);

function tableOf({ name, server }: PlacedLoad): Table {
  return {
    columns: [
      `${name}, ${HOSTS} hosts`,
      ...WAYS.map((count) => `${count} front ends`),
      'co-located',
    ],
    rows: [
      [
        'thousand connections/s',
        ...WAYS.map((count) => rate(multiple(HOSTS, count, server)).toFixed(1)),
        rate(coLocated(HOSTS, server, SHARE)).toFixed(1),
      ],
    ],
  };
}

function plotOf({ name, server }: PlacedLoad): Plot {
  const counts = Array.from({ length: MOST_HOSTS }, (_, at) => at + 1);
  const points = (of: (count: number) => number) =>
    counts.map((count) => [count, rate(of(count))] as const);
  return {
    name: `placements-${name}`,
    title: `Most connections, ${name}`,
    x: 'servers (multiple: hosts)',
    y: 'thousand connections/s',
    series: [
      { name: 'single', points: points((count) => single(count, server)) },
      {
        name: 'multiple, best split',
        points: points((count) =>
          Math.max(
            0,
            ...WAYS.map((fronts) => (fronts < count ? multiple(count, fronts, server) : 0)),
          ),
        ),
      },
      { name: 'co-located', points: points((count) => coLocated(count, server, SHARE)) },
    ],
  };
}
