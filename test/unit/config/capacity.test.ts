// Limits of servers and queues of pools, as they stand in a file.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/config/load.ts';
import { switchFile } from '../../support/broken-configs.ts';
import { problemsAfter } from '../../support/config-problems.ts';

const test = suite('capacity');

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const FILE = switchFile(`name: switch
roles: [switch]
insecure: true
switch: { key: '${KEY}' }`);
const POOL = 'policy: round-robin';

function poolWith(keys: string) {
  const text = FILE.replace(POOL, `${POOL}, ${keys}`);
  return parseConfig(text, 'baton.yaml').pools[0]!;
}

test('capacity: servers and pools have no limit and no queue unless they say so', () => {
  const { servers, pools } = parseConfig(FILE, 'baton.yaml');
  assert.ok(servers.every(({ maxConnections }) => maxConnections === undefined));
  assert.ok(pools.every(({ maxConnections, queue }) => !maxConnections && !queue));
  const { maxConnections, queue } = poolWith('maxConnections: 100, queue: { length: 20 }');
  assert.is(maxConnections, 100);
  assert.equal(queue, { length: 20, timeoutMs: 5000 });
});

test('capacity: mistakes are named with their place', () => {
  const wrong = (keys: string) => problemsAfter(FILE, POOL, `${POOL}, ${keys}`).join();
  assert.match(
    wrong('maxConnections: 0'),
    /pools\[0\]\.maxConnections.*1 to 1000000.*found the number 0/,
  );
  assert.match(wrong('queue: { length: -1 }'), /queue\.length.*0 to 65536.*found the number -1/);
  assert.match(wrong('queue: { timeout: 5 }'), /unknown key "timeout".*timeoutMs/);
  assert.match(wrong('queue: 20'), /pools\[0\]\.queue/);
});

test('capacity: a quorum that can never be, and a pool that cannot stand in, are named', () => {
  const wrong = (keys: string) => problemsAfter(FILE, POOL, `${POOL}, ${keys}`).join();
  for (const keys of ['quorum: 2', "quorum: '50%'", 'sorry: images', 'quorum: 2, sorry: images']) {
    assert.is(wrong(keys), '');
  }
  assert.match(wrong('quorum: 3'), /quorum: expected no more than the 2 servers .* found 3/);
  assert.match(wrong("quorum: '0%'"), /quorum: expected a number of servers, or a percentage/);
  assert.match(wrong('quorum: 1, hysteresis: 1'), /hysteresis: expected less than .* is 1/);
  assert.match(wrong('quorum: 2, hysteresis: 1'), /quorum: .* found 2 and a hysteresis of 1/);
  assert.match(wrong('hysteresis: 1'), /hysteresis: expected a quorum beside it/);
  assert.match(wrong('sorry: image'), /sorry: unknown pool "image".*images/);
  assert.match(wrong('sorry: default'), /sorry: expected another pool/);
  const both = FILE.replace(POOL, `${POOL}, sorry: images`);
  const chain = problemsAfter(both, 'policy: lard', 'policy: lard, sorry: default').join();
  assert.match(chain, /pools\[1\]\.sorry: expected a pool without a sorry of its own/);
});

test.run();
