// Synthetic traces that agree with what is published of two real ones: how many targets, how many bytes, and
// how large a cache of the most wanted targets covers 97, 98 and 99 % of the requests.
import { Random } from '../../src/lab/random.ts';
import { lognormal } from './distributions.ts';

export interface Published {
  name: string;
  targets: number;
  bytes: number;
  /** [share of the requests, bytes of the most wanted targets that make up this share] */
  cover: readonly (readonly [number, number])[];
}

/** Aron et al. 2000, section 6.2; MB and GB taken as powers of ten. */
export const RICE: Published = {
  name: 'Rice-like',
  targets: 31_000,
  bytes: 1015e6,
  cover: [
    [0.97, 526e6],
    [0.98, 619e6],
    [0.99, 745e6],
  ],
};

export const IBM: Published = {
  name: 'IBM-like',
  targets: 38_500,
  bytes: 984e6,
  cover: [
    [0.97, 43e6],
    [0.98, 69e6],
    [0.99, 165e6],
  ],
};

/** Sums of r^-exponent over the ranks 1 .. r. */
export function zipfSums(targets: number, exponent: number): Float64Array {
  const sums = new Float64Array(targets);
  let sum = 0;
  for (let rank = 1; rank <= targets; rank += 1) {
    sum += rank ** -exponent;
    sums[rank - 1] = sum;
  }
  return sums;
}

const STEPS = 40;

/** The exponent with which a Zipf law that has `share` at rank `first` has `more` at rank `second`. */
function fitExponent(first: number, share: number, second: number, more: number): number {
  let low = 0;
  let high = 4;
  for (let step = 0; step < STEPS; step += 1) {
    const exponent = (low + high) / 2;
    const sums = zipfSums(second, exponent);
    if (sums[first - 1]! / sums[second - 1]! < share / more) low = exponent;
    else high = exponent;
  }
  return (low + high) / 2;
}

/**
 * Requests up to each rank, as a share of all. Sizes know nothing of ranks, so the published bytes say how
 * many targets have 97, 98, 99 and 100 %. A Zipf law goes through the first two of these points, and has its
 * requests between later ones made more or fewer, so that it goes through them too.
 */
function requestShares({ targets, bytes, cover }: Published): {
  exponent: number;
  shares: Float64Array;
} {
  const points = [...cover, [1, bytes] as const].map(([share, part]) => ({
    share,
    rank: Math.round((part / bytes) * targets),
  }));
  const [first, second] = [points[0]!, points[1]!];
  const exponent = fitExponent(first.rank, first.share, second.rank, second.share);
  const sums = zipfSums(targets, exponent);
  const shares = new Float64Array(targets);
  let from = { share: 0, rank: 0 };
  for (const to of points) {
    const before = from.rank === 0 ? 0 : sums[from.rank - 1]!;
    const factor = (to.share - from.share) / (sums[to.rank - 1]! - before);
    for (let at = from.rank; at < to.rank; at += 1) {
      shares[at] = from.share + (sums[at]! - before) * factor;
    }
    from = to;
  }
  return { exponent, shares };
}

/** An index, by the sums up to and with each one's weight. */
export function drawIndex(sums: Float64Array, random: Random): number {
  const wanted = random.fraction() * sums.at(-1)!;
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A synthetic trace. Targets are ranks from 0, the most wanted first; each request is drawn by itself. */
export class Trace {
  readonly published: Published;
  readonly exponent: number;
  /** bytes by target: a lognormal of sigma 1, scaled so that they sum up to what is published */
  readonly sizes: Float64Array;
  private readonly shares: Float64Array;

  constructor(published: Published, seed: number) {
    this.published = published;
    const { exponent, shares } = requestShares(published);
    this.exponent = exponent;
    this.shares = shares;
    const random = new Random(seed);
    const drawn = new Float64Array(published.targets).map(() => lognormal(random, 0, 1));
    const factor = published.bytes / drawn.reduce((sum, size) => sum + size, 0);
    this.sizes = drawn.map((size) => size * factor);
  }

  /** Bytes of the most wanted targets that make up this share of the requests. */
  cover(share: number): number {
    let bytes = 0;
    for (const [rank, size] of this.sizes.entries()) {
      if (rank > 0 && this.shares[rank - 1]! >= share) break;
      bytes += size;
    }
    return bytes;
  }

  /** The target of the next request. */
  draw(random: Random): number {
    return drawIndex(this.shares, random);
  }
}
