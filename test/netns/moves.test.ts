// Connections that move between servers: the short part of the acceptance line of that name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faultOf, move, movesOf, withMovesLab } from '../support/moves.ts';

const test = suite('moves');
const REQUESTS = 100;

test('moves: a connection is answered by nginx, Apache and the echo server in turn', () =>
  withMovesLab({}, async (lab) => {
    const [outcome] = await move(lab, {
      connections: 1,
      steps: { random: REQUESTS, seed: 7 },
    });
    assert.is(faultOf(outcome!, REQUESTS), '');
    assert.ok(movesOf(outcome!) >= REQUESTS / 4, String(movesOf(outcome!)));
    const slow = { method: 'GET', target: '/slow/300?to=third', bytes: -1, next: 50 } as const;
    const forbidden = { method: 'GET', target: '/%61dmin', bytes: -1 } as const;
    const [refused] = await move(lab, { connections: 1, steps: [slow, forbidden] });
    assert.equal(
      refused!.seen.map(({ status }) => status),
      [200, 400],
      refused!.error,
    );
    for (const host of ['switch', 'server1', 'server2', 'server3']) {
      assert.is((await lab.stats(host)).faults, 0, host);
    }
  }));

test.run();
