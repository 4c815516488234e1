// The other switches of a group, as they stand in a file.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/config/load.ts';
import { switchFile } from '../../support/broken-configs.ts';
import { problemsAfter } from '../../support/config-problems.ts';

const test = suite('peers');

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const PEERS = 'peers: [{ name: switch2, control: 10.80.2.3:7082 }]';
const FILE = switchFile(`name: switch
roles: [switch]
insecure: true
switch: { key: '${KEY}', listen: '10.80.2.2:7082' }
${PEERS}`);

test('peers: another switch, and where it is reached', () => {
  const [peer] = parseConfig(FILE, 'baton.yaml').peers!;
  assert.is(peer!.name, 'switch2');
  assert.is(peer!.control.port, 7082);
});

test('peers: mistakes are named with their place', () => {
  const named = (name: string) => problemsAfter(FILE, 'switch2', name).join();
  assert.match(named('switch'), /peers\[0\]\.name.*"switch" is a server or this host/);
  assert.match(named('server1'), /"server1" is a server or this host/);
  const twice = PEERS.replace(']', ', { name: switch2, control: 10.80.2.4:7082 }]');
  assert.match(problemsAfter(FILE, PEERS, twice).join(), /peers\[1\]\.name.*switch "switch2"/);
  assert.match(
    problemsAfter(FILE, ", listen: '10.80.2.2:7082'", '').join(),
    /peers.*switch\.listen beside it/,
  );
});

test('peers: no service of theirs dispatches each request', () => {
  const each = problemsAfter(
    FILE,
    '    pool: default\n',
    '    pool: default\n    requests: per-request\n',
  );
  assert.match(each.join(), /services\[0\]\.requests.*per-connection beside "peers"/);
});

test.run();
