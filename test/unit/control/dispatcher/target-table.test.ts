import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TargetTable } from '../../../../src/control/dispatcher/target-table.ts';
import { Random } from '../../../../src/lab/random.ts';

const test = suite('target table');

test('target table: as a map, as long as nothing has to be forgotten', () => {
  const random = new Random(4);
  const table = new TargetTable(65536);
  const servers = new Uint16Array(table.places);
  const map = new Map<number, number>();
  for (let step = 0; step < 20_000; step += 1) {
    const target = random.pick([random.next(), random.below(2000)]);
    const place = table.find(target);
    assert.is(place < 0 ? undefined : servers[place], map.get(target));
    if (random.chance(0.5)) continue;
    const server = random.below(300);
    servers[place < 0 ? table.claim(target) : place] = server;
    map.set(target, server);
  }
});

test('target table: bounded, the one asked for the longest ago is forgotten', () => {
  const table = new TargetTable(8);
  for (let target = 0; target < 8; target += 1) table.claim(target);
  assert.ok(table.find(0) >= 0);
  table.claim(100);
  assert.ok(table.find(0) >= 0, 'was just asked for');
  assert.is(table.find(1), -1);
  assert.ok(table.find(100) >= 0);
});

test.run();
