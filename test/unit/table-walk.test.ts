import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TableWalk } from '../../src/table-walk.ts';

const test = suite('table walk');

/** Entries of the next part, range by range. */
function next(walk: TableWalk, entries: number): number[][] {
  return [...walk.part(entries)].map(({ from, count }) =>
    Array.from({ length: count }, (_, index) => from + index),
  );
}

test('table walk: a part begins where the last one ended, ranges end where the table does', () => {
  const walk = new TableWalk(7, 2);
  assert.equal(next(walk, 3), [[0, 1], [2]]);
  assert.equal(next(walk, 3), [[3, 4], [5]]);
  assert.equal(next(walk, 3), [[6], [0, 1]]);
});

test('table walk: no entry comes twice in one part', () => {
  const walk = new TableWalk(3, 8);
  assert.equal(next(walk, 2), [[0, 1]]);
  assert.equal(next(walk, 5), [[2], [0, 1]]);
});

test.run();
