// Checks of a pool's servers, as they stand in a file.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { switchFile } from '../../support/broken-configs.ts';
import { problemsAfter } from '../../support/config-problems.ts';

const test = suite('health');

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const HEAD = `name: switch
roles: [switch]
insecure: true
switch: { key: '${KEY}' }`;
const FILE = switchFile(HEAD);
const POOL = 'policy: round-robin';
const CHECK = 'check: { handoff: { path: /up } }';

test('health: a check by handoff needs a service that leads to the pool, and all packets', () => {
  const wrong = (keys: string, text = FILE) =>
    problemsAfter(text, POOL, `${POOL}, health: { ${keys} }`).join();
  assert.is(wrong(CHECK), '');
  assert.match(wrong('check: { handoff: { path: up } }'), /path: expected a path that begins with/);
  assert.match(wrong('check: { handof: { path: /up } }'), /check/);
  assert.match(wrong(`${CHECK}, port: 8080`), /health\.port: .* expected no port/);
  const tls = FILE.replace('port: 80\n    pool', 'port: 80\n    protocol: tls\n    pool');
  assert.match(wrong(CHECK, tls), /handoff: expected a service of protocol http with this pool/);
  const six = FILE.replace("[192.0.2.80, '2001:db8:80::80']", "['2001:db8:80::80']");
  assert.match(wrong(CHECK, six), /handoff: .* an IPv4 VIP/);
  const peers = `${FILE}peers: [{ name: spare, control: '10.80.2.3:7082' }]\n`;
  assert.match(wrong(CHECK, peers), /handoff: only a switch that alone gets the packets/);
});

test.run();
