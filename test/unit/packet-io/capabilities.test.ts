import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { missingAmbient, readCapabilities } from '../../../src/packet-io/capabilities.ts';

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

test.run();
