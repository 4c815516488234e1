// A server that dies with idle connections on it: the short part of the acceptance line of that name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { killServer } from '../support/server-death.ts';

const test = suite('server-death');
const IDLE = 20;

test('server-death: the next requests on idle connections are answered by others', async () => {
  const serverKinds = ['apache', 'nginx', 'apache'] as const;
  const plan = { idle: IDLE, serverKinds: [...serverKinds], pauseMs: 6000, laterMs: 1000 };
  const { faults, recovered, reopened, recoveredMs } = await killServer(plan);
  assert.equal(faults, []);
  assert.is(recovered, IDLE);
  assert.is(reopened, 0);
  assert.ok(recoveredMs <= 3000, String(recoveredMs));
});

test.run();
