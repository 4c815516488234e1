// What requests ask for: hashes of targets, drawn evenly or by a Zipf law.
import { Random } from '../../src/lab/random.ts';
import { zipfSums } from '../papers/popularity.ts';

const COUNTS = [1000, 100_000, 1_000_000];
const DECISIONS = 400_000;
const EXPONENT = 0.9;

export interface TargetSet {
  name: string;
  /** of each request, signed as LARD's `parse` gives it */
  targets: Int32Array;
}

/** The rank that a share of all requests reaches. */
function rankOf(sums: Float64Array, share: number): number {
  const wanted = share * sums.at(-1)!;
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** For 1 k, 100 k and 1 M targets. */
export function* targetSets(): Generator<TargetSet> {
  const random = new Random(1);
  for (const count of COUNTS) {
    const hashes = Uint32Array.from({ length: count }, () => random.next());
    const sums = zipfSums(count, EXPONENT);
    const draw = (rank: () => number): Int32Array =>
      new Int32Array(DECISIONS).map(() => hashes[rank()]!);
    yield { name: `${count} targets, uniform`, targets: draw(() => random.below(count)) };
    yield { name: `${count} targets, Zipf`, targets: draw(() => rankOf(sums, random.fraction())) };
  }
}
