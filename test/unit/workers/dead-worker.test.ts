import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileCore } from '../../../src/core.ts';
import { dieLocked } from '../../table/dead-worker.ts';

const dead = suite('dead worker');

dead('workers that die with a bucket locked block nobody and tear no packet', async () => {
  const outcome = await dieLocked(await compileCore('debug'), 6);
  assert.is(outcome.deaths, 6);
  assert.is(outcome.wrong, 0);
  assert.ok(outcome.forwarded > 1000, `${outcome.forwarded} packets`);
  assert.ok(outcome.lost >= 6, `${outcome.lost} connections`);
  assert.equal(outcome.faults, []);
  // the acceptance line `table` measures it: here the machine may have other work
  assert.ok(outcome.readerBlockedMs < 2000, `${outcome.readerBlockedMs} ms`);
});

dead.run();
