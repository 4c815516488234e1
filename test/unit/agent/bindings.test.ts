import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Bindings, addressIn, deviceAddress } from '../../../src/agent/bindings.ts';
import type { AgentBinding } from '../../../src/agent/bindings.ts';
import {
  formatAddress,
  parseAddress,
  parsePrefix,
  prefixSize,
} from '../../../src/config/address.ts';
import type { Prefix } from '../../../src/config/address.ts';

const bindings = suite('bindings');

function prefix(text: string): Prefix {
  return parsePrefix(text)!;
}

function offer(vip: string, port = 80) {
  return { vip: parseAddress(vip)!, port, serverPort: 8080 };
}

function both(binding: AgentBinding | null): string[] {
  return binding ? [formatAddress(binding.handoff), formatAddress(binding.service)] : [];
}

function make(): Bindings {
  const handoff = [prefix('10.81.1.0/24'), prefix('fd81:1::/64')];
  return new Bindings(handoff, [prefix('10.82.1.0/29'), prefix('fd82:1::/64')]);
}

bindings('each VIP and port of a group has addresses of its own', () => {
  const given = make();
  assert.equal(both(given.give('main', offer('192.0.2.80'))), ['10.81.1.1', '10.82.1.1']);
  assert.equal(both(given.give('main', offer('192.0.2.80', 443))), ['10.81.1.2', '10.82.1.2']);
  assert.equal(both(given.give('main', offer('192.0.2.81'))), ['10.81.1.3', '10.82.1.3']);
  assert.equal(both(given.give('other', offer('192.0.2.80'))), ['10.81.1.4', '10.82.1.4']);
});

bindings('the same offer gets the same addresses, the handoff port is the VIP port', () => {
  const given = make();
  const first = given.give('main', offer('192.0.2.80', 443));
  assert.is(given.give('main', offer('192.0.2.80', 443)), first);
  assert.is(given.find('main', parseAddress('192.0.2.80')!, 443), first);
  assert.is(first!.handoffPort, 443);
  assert.is(given.find('main', parseAddress('192.0.2.80')!, 80), null);
});

bindings('an IPv6 VIP is given IPv6 addresses, counted by themselves', () => {
  const given = make();
  given.give('main', offer('192.0.2.80'));
  assert.equal(both(given.give('main', offer('2001:db8:80::80'))), ['fd81:1::1', 'fd82:1::1']);
});

bindings('no more are given than the smaller prefix has, none without a prefix', () => {
  const given = make();
  const got = Array.from({ length: 8 }, (_, index) =>
    given.give('main', offer('192.0.2.80', 80 + index)),
  );
  assert.is(got.filter((binding) => binding !== null).length, 5);
  const onlyFour = new Bindings([prefix('10.81.1.0/24')], [prefix('10.82.1.0/24')]);
  assert.is(onlyFour.give('main', offer('2001:db8::1')), null);
});

bindings('the device has an address that no binding gets', () => {
  assert.is(prefixSize(prefix('10.82.1.0/29')), 5);
  assert.is(formatAddress(deviceAddress(prefix('10.82.1.0/29'))), '10.82.1.6');
  assert.is(formatAddress(deviceAddress(prefix('10.82.0.0/16'))), '10.82.255.254');
  assert.is(formatAddress(deviceAddress(prefix('fd82:1::/64'))), 'fd82:1::fffe');
  assert.is(formatAddress(addressIn(prefix('10.82.0.0/16'), 300)), '10.82.1.44');
});

bindings.run();
