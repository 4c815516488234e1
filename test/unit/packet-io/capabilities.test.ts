import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, missingAmbient } from '../../../src/packet-io/capabilities.ts';
import { readCapabilities } from '../../../src/packet-io/capability-sets.ts';

const test = suite('capabilities');

const status = (permitted: string, ambient: string): string =>
  `Name:\tbaton\nCapInh:\t0000000000000000\nCapPrm:\t${permitted}\nCapEff:\t${permitted}\n` +
  `CapBnd:\t000001ffffffffff\nCapAmb:\t${ambient}\n`;

test('capabilities: what a file gave is passed on, and nothing else', () => {
  const missing = (permitted: string, ambient: string): number[] =>
    missingAmbient(readCapabilities(status(permitted, ambient))).map(Number);
  assert.equal(missing('0000000000001000', '0000000000000000'), [12]);
  assert.equal(missing('0000000000003000', '0000000000001000'), [13]);
  assert.equal(missing('0000000000003000', '0000000000003000'), []);
  assert.equal(missing('0000000000000000', '0000000000000000'), []);
  // CAP_SYS_ADMIN is none of what routes and packets need
  assert.equal(missing('0000000000200000', '0000000000000000'), []);
  assert.is(readCapabilities(status('000001ffffffffff', '0')).permitted, 0x1ffffffffffn);
});

test('capabilities: programs that get rights run in a clean environment, whatever the starter says', () => {
  const environment = {
    PATH: '/home/me/bin:/usr/bin',
    IP_LIB_DIR: '/home/me/lib', // iproute2 loads libraries from there
    NODE_OPTIONS: '--require=/home/me/evil.js',
    NOTIFY_SOCKET: '/run/systemd/notify',
  };
  cleanEnvironment(environment);
  assert.equal(environment, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    NOTIFY_SOCKET: '/run/systemd/notify',
  });
});

test.run();
