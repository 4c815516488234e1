import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeChange, differences } from '../../../src/config/difference.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import { BROKEN, breakFile, switchFile } from '../../support/broken-configs.ts';

const test = suite('reload');
const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const HEAD = `name: switch
roles: [switch]
workers: 1
insecure: true
switch: { table: keyed, key: '${KEY}' }`;
const GOOD = switchFile(HEAD);
const running = parseConfig(GOOD, 'baton.yaml');

function changes(text: string): string[] {
  return differences(running, parseConfig(text, 'baton.yaml', { running })).map(describeChange);
}

test('reload: fifty broken files are refused with line, column, what was expected, the nearest name', () => {
  assert.is(BROKEN.length, 50);
  for (const broken of BROKEN) {
    const { text, place } = breakFile(GOOD, broken);
    let problems: string[] = [];
    try {
      parseConfig(text, 'baton.yaml', { running });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      ({ problems } = error);
    }
    const wanted = `baton.yaml:${place}: `;
    const found = problems.some((line) => line.startsWith(wanted) && line.includes(broken.says));
    assert.ok(
      found,
      `${broken.mistake}: wanted ${wanted}... ${broken.says}\n${problems.join('\n')}`,
    );
  }
});

test('reload: the difference names what is new, changed and gone', () => {
  const text = GOOD.replace('weight: 2', 'weight: 3')
    .replace("80::80']", "80::80', 192.0.2.81]")
    .replace(/ {2}- \{ name: server3.*\n/, '')
    .replace('[server3]', '[server2]')
    .replace('lingerMs: 60000, ', '');
  assert.equal(changes(text), [
    '~ servers[server2].weight: 2 -> 3',
    '~ pools[images].servers: [server3] -> [server2]',
    '~ services[web].vip: [192.0.2.80, 2001:db8:80::80] -> [192.0.2.80, 2001:db8:80::80, 192.0.2.81]',
    '- servers[server3].name: server3',
    '- servers[server3].agent: 10.80.13.2:7080',
    '- servers[server3].port: 80',
    '- servers[server3].weight: 1',
  ]);
  assert.equal(changes(GOOD), []);
});

test('reload: the order of servers and pools is no difference, that of rules is', () => {
  const [first = '', second = ''] = GOOD.split('\n').filter((line) => line.includes('agent: '));
  const swapped = GOOD.replace(first, '?').replace(second, first).replace('?', second);
  assert.equal(changes(swapped), []);
  const rule = /( {6}- .*\n)( {6}- .*\n)/;
  assert.ok(changes(GOOD.replace(rule, '$2$1')).length > 0);
});

test('reload: a new cookie key is refused and not shown', () => {
  const other = GOOD.replace(KEY, KEY.replace('00', '01'));
  assert.throws(() => parseConfig(other, 'baton.yaml', { running }), /switch.key: cannot change/);
  assert.not.throws(() => parseConfig(other, 'baton.yaml'));
  try {
    parseConfig(other, 'baton.yaml', { running });
  } catch (error) {
    assert.not.match((error as Error).message, '0011');
  }
});

test.run();
