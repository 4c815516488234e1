// Connections that leave a drained server: the short part of the acceptance line of that name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { drainUnderLoad } from '../support/drain.ts';
import { rebalanced } from '../support/rebalance.ts';

const test = suite('drain');

test('drain: idle and busy connections leave a server, and their clients see nothing', async () => {
  const plan = { idle: 30, busy: 6, busyMs: 1500, pauseMs: 4000 };
  const { faults, parked, emptyMs, reopened, answeredThere } = await drainUnderLoad(plan);
  assert.equal(faults, []);
  assert.ok(parked >= 10, String(parked));
  assert.ok(emptyMs <= 2000, String(emptyMs));
  assert.is(reopened, 0);
  assert.is(answeredThere, 0);
});

test('rebalance: half of the connections of one server go to one that came later', async () => {
  const { planned, before, after, faults, answeredThere } = await rebalanced(20, 9000);
  assert.equal(
    planned.map(({ moves }) => moves),
    [10, 0],
  );
  assert.is(before, 20);
  assert.is(after, 10);
  assert.equal(faults, []);
  assert.is(answeredThere, 10);
});

test.run();
