import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as V from '../../assembly/verdict.ts';
import { CoreHost, address4, address6 } from '../support/core-host.ts';
import { buildIcmp, type IcmpParts } from '../support/icmp-packets.ts';
import { Random } from '../../src/lab/random.ts';

const echo = suite('echo');
const NOW = 7_000;
const REQUEST = { IPv4: 8, IPv6: 128 };
const REPLY = { IPv4: 0, IPv6: 129 };

for (const family of ['IPv4', 'IPv6'] as const) {
  const of = family === 'IPv6' ? address6 : address4;
  const request = (body: Uint8Array): IcmpParts => ({
    source: of(1),
    destination: of(2),
    type: REQUEST[family],
    rest: 0x12345678,
    hops: 9,
    body,
  });
  const hostOf = (role: 'switch' | 'agent') =>
    CoreHost.create({ role, services: [{ address: of(2), port: 80 }] }, 'single');

  echo(`${family}: the switch answers for its VIPs with the same bytes`, async () => {
    const host = await hostOf('switch');
    const random = new Random(3);
    for (const length of [0, 1, 56, 57, 1400]) {
      const asked = request(random.bytes(length));
      const outcome = host.forward(buildIcmp(asked), NOW);
      assert.is(outcome.verdict, V.VERDICT_ANSWER);
      const { source, destination } = asked;
      const turned = { source: destination, destination: source, type: REPLY[family], hops: 64 };
      assert.equal(outcome.packet, buildIcmp({ ...asked, ...turned }));
    }
    assert.is(host.counter(V.COUNTER_ECHOES_ANSWERED), 5);
  });

  echo(`${family}: nobody answers for another address, for itself, or at an agent`, async () => {
    const body = new Uint8Array(8);
    const reasonOf = (host: CoreHost, parts: IcmpParts) => {
      const { verdict, reason } = host.forward(buildIcmp(parts), NOW);
      assert.is(verdict, V.VERDICT_DROP);
      return reason;
    };
    const host = await hostOf('switch');
    const asked = request(body);
    assert.is(reasonOf(host, { ...asked, destination: of(3) }), V.DROP_NOT_SERVICE);
    assert.is(reasonOf(host, { ...asked, source: of(2) }), V.DROP_NOT_SERVICE);
    assert.is(reasonOf(await hostOf('agent'), asked), V.DROP_ICMP_TYPE);
    const bad = buildIcmp(asked);
    bad[bad.length - 1]! ^= 1;
    assert.is(host.forward(bad, NOW).reason, V.DROP_BAD_CHECKSUM);
  });

  echo(`${family}: so many a second`, async () => {
    const host = await hostOf('switch');
    const packet = buildIcmp(request(new Uint8Array(8)));
    let answered = 0;
    for (let count = 0; count < 1500; count += 1) {
      const { verdict, reason } = host.forward(packet, NOW);
      if (verdict === V.VERDICT_ANSWER) answered += 1;
      else assert.is(reason, V.DROP_ICMP_LIMIT);
    }
    assert.is(answered, 1000);
    assert.is(host.forward(packet, NOW + 1000).verdict, V.VERDICT_ANSWER);
  });
}

echo.run();
