// A switch in front of two hosts that read requests and serve: short form of the acceptance line.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  controlOf,
  counter,
  placementOf,
  watchKept,
  withCoLocated,
} from '../support/co-located.ts';

const test = suite('co-located');

test('co-located: connections go to other hosts by update, and only by them', () =>
  withCoLocated({ servers: 2 }, async (lab) => {
    const seen = await watchKept(lab, 8, 4);
    assert.equal(seen.failed, []);
    assert.ok(seen.passed > 0, 'some went to another host');
    assert.is(seen.late, 0);
    assert.ok(seen.idleSeconds >= 1);
    const { front, distributors } = await placementOf(lab);
    assert.equal(
      controlOf(front).servers.map(({ handoffs }) => handoffs),
      [4, 4],
    );
    for (const part of distributors) {
      const { ready, localHandoffs, updatesSent, updatesConfirmed } = controlOf(part);
      assert.is(localHandoffs + updatesSent, ready);
      assert.is(updatesConfirmed, updatesSent);
      assert.is(part.faults, 0);
    }
    assert.is(counter(front, 'answered'), 0);
    const url = `http://[${lab.environment['BATON_VIP6']}]`;
    const script = `head -c 300000 /dev/zero | curl -s -g -m 9 --data-binary @- ${url}/form`;
    const { stdout } = await lab.run('client', ['sh', '-c', script]);
    assert.match(stdout, /^[0-9a-f]{64}/);
  }));

test.run();
