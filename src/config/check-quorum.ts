import { quorumOf } from './capacity.ts';
import { checkReference, list, namesOf, section } from './loose.ts';
import type { Loose } from './loose.ts';
import type { Path, Problem } from './problem.ts';

/** When a pool counts as down, and who stands in for it. */
export function checkQuorum(pool: Loose, path: Path, raw: Loose, problems: Problem[]): void {
  const { quorum, hysteresis, sorry } = pool;
  if (hysteresis !== undefined && quorum === undefined) {
    const text = 'expected a quorum beside it';
    problems.push({ path: [...path, 'hysteresis'], at: 'key', text });
  }
  checkNumbers(pool, path, problems);
  checkReference(problems, [...path, 'sorry'], 'pool', sorry, namesOf(raw['pools']));
  const other = list(raw['pools'])
    .map(section)
    .find(({ name }) => name === sorry && sorry !== undefined);
  if (sorry !== undefined && sorry === pool['name']) {
    const text = 'expected another pool, it cannot stand in for itself';
    problems.push({ path: [...path, 'sorry'], text });
  } else if (other?.['sorry'] !== undefined) {
    const text = `expected a pool without a sorry of its own, pool "${String(sorry)}" has one`;
    problems.push({ path: [...path, 'sorry'], text });
  }
}

/** It must be possible that the pool is down, and that it comes up. */
function checkNumbers(pool: Loose, path: Path, problems: Problem[]): void {
  const { quorum, hysteresis = 0 } = pool;
  const isQuorum = typeof quorum === 'number' || typeof quorum === 'string';
  const servers = list(pool['servers']).length;
  if (!isQuorum || typeof hysteresis !== 'number' || servers === 0) return;
  const { least } = quorumOf({ quorum, hysteresis }, servers)!;
  if (Number.isNaN(least)) return;
  if (hysteresis >= least) {
    const text = `expected less than the quorum, which is ${least}, found ${hysteresis}`;
    problems.push({ path: [...path, 'hysteresis'], text });
  } else if (least + hysteresis > servers) {
    const sum = hysteresis > 0 ? `${least} and a hysteresis of ${hysteresis}` : String(least);
    const text = `expected no more than the ${servers} servers of the pool, found ${sum}`;
    problems.push({ path: [...path, 'quorum'], text });
  }
}
