// The name that a person most likely meant.

/** Edits that make one text the other: insert, remove, replace, swap neighbours. */
export function editDistance(first: string, second: string): number {
  const width = second.length + 1;
  const cost = new Int32Array((first.length + 1) * width);
  const at = (i: number, j: number): number => cost[i * width + j] ?? 0;
  for (let i = 0; i <= first.length; i++) {
    for (let j = 0; j <= second.length; j++) {
      if (i === 0 || j === 0) {
        cost[i * width + j] = i + j;
        continue;
      }
      const replace = first[i - 1] === second[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + replace);
      const swapped =
        i > 1 && j > 1 && first[i - 1] === second[j - 2] && first[i - 2] === second[j - 1];
      if (swapped) least = Math.min(least, at(i - 2, j - 2) + 1);
      cost[i * width + j] = least;
    }
  }
  return at(first.length, second.length);
}

/** The candidate with the fewest edits, if they are few enough to be a slip. */
export function nearest(found: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, Math.max(1, Math.floor(found.length / 3))) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(found.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?`, else `; known are a, b`, else nothing. */
export function suggestion(found: string, candidates: Iterable<string>): string {
  const known = [...new Set(candidates)];
  const best = nearest(found.slice(0, 64), known);
  if (best !== undefined) return `; did you mean "${best}"?`;
  return known.length === 0 ? '' : `; known are ${known.join(', ')}`;
}
