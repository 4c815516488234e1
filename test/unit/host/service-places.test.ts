import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServicePlaces } from '../../../src/host/service-places.ts';
import { testConfig } from '../control/rig.ts';

const test = suite('service places');

test('service places: what nobody reads is dispatched by SYN, and by ACK beside switches of a group', () => {
  const [web] = testConfig(1).services;
  const control = { address: Uint8Array.of(10, 80, 2, 3), port: 7082 };
  const peers = [{ name: 'switch2', control }];
  const dispatches = (parts: Parameters<typeof testConfig>[1]) =>
    new ServicePlaces(undefined).of(testConfig(1, parts)).map(({ dispatch }) => dispatch);
  const services = [{ ...web!, vip: [web!.vip[0]!], protocol: 'tcp' as const }];
  assert.equal(dispatches({ services }), ['syn']);
  assert.equal(dispatches({ services, peers }), ['ack']);
  assert.equal(dispatches({ services: [web!], peers }), ['request', 'request']);
});

test.run();
