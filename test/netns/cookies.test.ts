// Clients that come back with a cookie of theirs, by curl, under round-robin.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withLab, type TestLab } from '../support/lab.ts';

const test = suite('cookies');
const VISITS = 4;

const CONFIG = `services:
  - { name: web, vip: [192.0.2.80, '2001:db8:80::80'], pool: default, affinity: { cookie: sid } }
  - { name: other, vip: [192.0.2.80, '2001:db8:80::80'], port: 8080, pool: default }
`;
const COOKIE_PLACE = 'http://192.0.2.80';
const PLAIN_PLACE = 'http://192.0.2.80:8080';
const PLACE6 = 'http://[2001:db8:80::80]';

/** Servers that answered the requests, all on one connection if it can be. */
async function curl(lab: TestLab, ...words: string[]): Promise<string[]> {
  const { stdout, stderr } = await lab.run('client', [
    'curl',
    '-sSg',
    '--max-time',
    '10',
    ...words,
  ]);
  assert.is(stderr, '');
  return [...stdout.matchAll(/server=(.*?);/g)].map(([, name]) => name!);
}

/** Servers of a client that got a cookie by these paths and comes back, while others go round. */
async function comeBack(lab: TestLab, place: string, ...paths: string[]): Promise<Set<string>> {
  const jar = join(mkdtempSync(join(tmpdir(), 'baton-jar-')), 'jar');
  const keep = ['-c', jar, '-b', jar];
  const first = await curl(lab, ...keep, ...paths.map((path) => `${place}${path}`));
  assert.is(new Set(first).size, 1, 'one connection');
  const found = new Set(first);
  for (let turn = 0; turn < VISITS; turn += 1) {
    // an odd number in all: the policy would not come to the same server each time
    if (turn % 2 === 0) await curl(lab, `${place}/`);
    for (const server of await curl(lab, ...keep, `${place}/who`)) found.add(server);
  }
  rmSync(join(jar, '..'), { recursive: true });
  return found;
}

test('cookies: with one a client comes back, without affinity it goes round', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-cookies-'));
  const config = join(folder, 'cookies.yaml');
  writeFileSync(config, CONFIG);
  try {
    await withLab({ servers: 2, policy: 'round-robin', config }, async (lab) => {
      for (let client = 0; client < 2; client += 1) {
        assert.is((await comeBack(lab, COOKIE_PLACE, '/cookie/sid')).size, 1);
      }
      assert.is((await comeBack(lab, COOKIE_PLACE, '/a', '/b', '/cookie/sid')).size, 1, 'third');
      assert.is((await comeBack(lab, PLACE6, '/cookie/sid')).size, 1, 'IPv6');
      assert.is((await comeBack(lab, COOKIE_PLACE, '/cookie/other')).size, 2, 'another cookie');
      assert.is((await comeBack(lab, PLAIN_PLACE, '/cookie/sid')).size, 2, 'no affinity');
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
