// The distributions of the workload of Andreolini et al. 2003, table 1, drawn by textbook methods.
import type { Random } from '../../src/lab/random.ts';

/** Standard normal, from two uniform numbers (Box and Muller 1958). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.fraction()));
  return radius * Math.cos(2 * Math.PI * random.fraction());
}

export function lognormal(random: Random, mu: number, sigma: number): number {
  return Math.exp(mu + sigma * normal(random));
}

/** At least `least`; the smaller alpha is, the heavier the tail. */
export function pareto(random: Random, alpha: number, least: number): number {
  return least * (1 - random.fraction()) ** (-1 / alpha);
}

export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.fraction());
}

/** Michael, Schucany and Haas 1976. */
export function inverseGaussian(random: Random, mean: number, shape: number): number {
  const square = normal(random) ** 2;
  const root = Math.sqrt(4 * mean * shape * square + (mean * square) ** 2);
  const smaller = mean + (mean * (mean * square - root)) / (2 * shape);
  return random.fraction() <= mean / (mean + smaller) ? smaller : mean ** 2 / smaller;
}

/** Table 1 of the paper. Lengths in bytes, times in seconds. */
export const WORKLOAD = {
  requestsPerSession: (random: Random): number => inverseGaussian(random, 3.86, 9.46),
  thinkSeconds: (random: Random): number => pareto(random, 1.4, 1),
  objectsPerPage: (random: Random): number => pareto(random, 1.33, 2),
  /** The share of the tail is not in the table: it stands for all above the length where it begins. */
  htmlBytes: (random: Random): number => {
    const body = lognormal(random, 7.63, 1.001);
    return body <= HTML_TAIL ? body : pareto(random, 1, HTML_TAIL);
  },
  objectBytes: (random: Random): number => lognormal(random, 8.215, 1.46),
} as const;

const HTML_TAIL = 10_240;
