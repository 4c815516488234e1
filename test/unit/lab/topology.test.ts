import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BlockList, isIP } from 'node:net';
import { CLIENT_PREFIXES, isIpv6, planTopology, VIP4, VIP6 } from '../../../src/lab/topology.ts';

const test = suite('topology');

function prefixList(prefixes: string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const prefix of prefixes) {
    const [address = '', length] = prefix.split('/');
    list.addSubnet(address, Number(length), isIpv6(address) ? 'ipv6' : 'ipv4');
  }
  return (address) => list.check(address, isIpv6(address) ? 'ipv6' : 'ipv4');
}

const first = (prefix: string) => prefix.split('/')[0] ?? '';

for (const count of [1, 3, 64]) {
  test(`topology: with ${count} servers no two ends of a link share an address`, () => {
    const { links } = planTopology(count);
    const all = links.flatMap(({ ends }) => ends.flatMap((end) => end.addresses.map(first)));
    assert.is(new Set(all).size, all.length);
    for (const address of all) assert.ok(isIP(address) > 0, address);
  });

  test(`topology: with ${count} servers the prefixes of links do not overlap`, () => {
    const { links } = planTopology(count);
    for (const link of links) {
      const own = prefixList(link.ends[0].addresses);
      const others = links.filter((other) => other !== link);
      for (const end of others.flatMap(({ ends }) => ends)) {
        for (const address of end.addresses) assert.not.ok(own(first(address)), address);
      }
      for (const address of link.ends[1].addresses) assert.ok(own(first(address)), address);
    }
  });

  test(`topology: with ${count} servers handoff and service prefixes hold no other address`, () => {
    const { links, servers } = planTopology(count);
    const prefixes = servers.flatMap((server) => [...server.handoff, ...server.service]);
    assert.is(new Set(prefixes).size, 4 * count);
    const isHanded = prefixList(prefixes);
    const ends = links.flatMap((link) => link.ends);
    const plain = ends.flatMap((end) => end.addresses.map(first));
    for (const address of [...plain, VIP4, VIP6]) assert.not.ok(isHanded(address), address);
  });
}

test('topology: everything but client and VIP is hidden from the client', () => {
  const { hidden, links, servers } = planTopology(3);
  const isHidden = prefixList(hidden);
  const ends = links.flatMap((link) => link.ends);
  for (const end of ends.filter(({ host }) => host !== 'client' && host !== 'router')) {
    for (const address of end.addresses) assert.ok(isHidden(first(address)), address);
  }
  for (const server of servers) {
    for (const prefix of [...server.handoff, ...server.service]) {
      assert.ok(isHidden(first(prefix)), prefix);
    }
  }
  const client = ends.find(({ host }) => host === 'client')!;
  for (const address of [...client.addresses, ...CLIENT_PREFIXES, VIP4, VIP6]) {
    assert.not.ok(isHidden(first(address)), address);
  }
});

test('topology: the router knows the way to the VIP, the handoff prefixes and the clients', () => {
  const { hosts, servers } = planTopology(2);
  const router = hosts.find(({ name }) => name === 'router')!;
  const ways = new Map(router.routes.map((route) => route.split(' via ') as [string, string]));
  assert.is(ways.get('192.0.2.80/28'), '10.80.2.2');
  assert.is(ways.get('2001:db8:80::/64'), 'fd80:2::2');
  for (const server of servers) {
    assert.equal(
      server.handoff.map((prefix) => ways.get(prefix)),
      [server.address, server.address6],
    );
  }
  assert.equal(
    CLIENT_PREFIXES.map((prefix) => ways.get(prefix)),
    ['10.80.1.2', '10.80.1.2', 'fd80:1::2'],
  );
});

test('topology: several switches have VIPs and addresses of their own, no two alike', () => {
  const { switches, servers, links, hosts } = planTopology(2, 8);
  assert.is(switches[0]!.vip, VIP4);
  assert.is(switches[0]!.vip6, VIP6);
  const vips = switches.flatMap(({ vip, vip6 }) => [vip, vip6]);
  assert.is(new Set(vips).size, 16);
  const router = hosts.find(({ name }) => name === 'router')!;
  const ways = new Map(router.routes.map((route) => route.split(' via ') as [string, string]));
  for (const plan of switches) {
    const others = switches.filter((other) => other !== plan);
    const own = prefixList(plan.vips);
    assert.ok(own(plan.vip) && own(plan.vip6));
    assert.not.ok(others.some(({ vip, vip6 }) => own(vip) || own(vip6)));
    assert.equal(
      plan.vips.map((prefix) => ways.get(prefix)),
      [plan.address, plan.address6],
    );
  }
  const ends = links.flatMap((link) => link.ends.flatMap((end) => end.addresses.map(first)));
  assert.is(new Set(ends).size, ends.length);
  assert.is(new Set([...switches, ...servers].map(({ name }) => name)).size, 10);
});

test('topology: switches with the same VIPs share a link, and the router one way to them', () => {
  const routesOf = (front: 'spare' | 'ecmp') => {
    const { hosts, switches, links } = planTopology(1, 2, { front });
    assert.equal(
      switches.map(({ vip, vip6 }) => [vip, vip6]),
      [
        [VIP4, VIP6],
        [VIP4, VIP6],
      ],
    );
    const ends = links.flatMap((link) => link.ends.flatMap((end) => end.addresses.map(first)));
    assert.is(new Set(ends).size, ends.length);
    return hosts.find(({ name }) => name === 'router')!.routes;
  };
  assert.ok(routesOf('spare').includes('192.0.2.80/28 via 10.80.2.254'));
  assert.ok(routesOf('spare').includes('2001:db8:80::/64 via fd80:2::fe'));
  const equal = '192.0.2.80/28 nexthop via 10.80.2.2 nexthop via 10.80.2.3';
  assert.ok(routesOf('ecmp').includes(equal));
});

test('topology: a dispatcher has a host of its own, hidden from the client', () => {
  const { dispatchers, hidden } = planTopology(1, 8, { dispatcher: true });
  assert.equal(
    dispatchers.map(({ name }) => name),
    ['dispatcher'],
  );
  assert.ok(prefixList(hidden)(dispatchers[0]!.address));
});

test('topology: a lab without servers, or with half a one, is refused', () => {
  for (const count of [0, 65, 1.5, Number.NaN]) {
    assert.throws(() => planTopology(count), /1 to 64 servers/);
  }
});

test.run();
