// Half-read and refused requests from more clients than a small switch keeps, while others are served.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { figures, table, withServices } from '../floods/lab.ts';
import { handshakes, live } from '../floods/senders.ts';

const test = suite('floods');
const HALF = 'GET /never HTTP/1.1\r\nHo';
const REFUSED = 'GET / HTTP/1.1\r\n\r\n';
const SMALL = 'switch: { connections: 512, halfRead: 50 }';

test('floods: half-read requests are bounded, the oldest go, live clients are served', async () => {
  await withServices(SMALL, async (lab) => {
    const clients = live(lab, 5, 3);
    const population = 'against-xor';
    const half = await handshakes(lab, { population, count: 300, rate: 300, payload: HALF });
    assert.is(half.completed, 300);
    const { openings, halfReadEvicted, halfReadLimit } = await figures(lab);
    assert.equal([openings['gathering']! <= 50, halfReadLimit], [true, 50]);
    assert.is(halfReadEvicted >= 250, true, `${halfReadEvicted}`);
    const refused = { population: 'nat', rate: 500, payload: REFUSED, finish: true } as const;
    await handshakes(lab, { count: 800, ...refused });
    const after = await figures(lab);
    assert.ok(after.refused['400']! >= 800, `${after.refused['400']} refused`);
    assert.ok(after.closedEvicted > 0, 'their closed entries made room');
    const { used, entries, longestChain } = await table(lab);
    assert.ok(used < entries, `${used} of ${entries}`);
    assert.ok(longestChain <= 16, `${longestChain}`);
    const { failed, requests } = await clients;
    assert.equal([failed, requests > 10], [[], true]);
  });
});

test.run();
