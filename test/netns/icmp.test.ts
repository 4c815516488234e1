// ICMP to the VIP, on real kernels: routers' errors, forged ones, pings, fragments.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { TCP_ACK } from '../../assembly/wire/tcp.ts';
import { parseAddress } from '../../src/config/address.ts';
import type { RequestResult } from '../../src/lab/requests.ts';
import { send } from '../../src/lab/send.ts';
import { CLIENT, VIP4, VIP6 } from '../../src/lab/topology.ts';
import { buildError } from '../support/icmp-packets.ts';
import { TestLab, type Family } from '../support/lab.ts';
import { kernelCounter, learnedMtu, narrowToClient, NARROW, sendRaw } from '../support/path-mtu.ts';
import { streamDigest } from '../support/transfer.ts';

const test = suite('icmp');
const LENGTH = 1_000_000;
const FAMILIES = ['IPv4', 'IPv6'] as const;
const VIPS = { IPv4: VIP4, IPv6: VIP6 };
const CLIENTS = { IPv4: CLIENT[0], IPv6: CLIENT[1] };

const lab = new TestLab({ servers: 1, server: 'echo', workers: 1, switching: true });
test.before(() => lab.start());
test.after(() => lab.stop());

/** Packets that the switch dropped for that reason. */
async function drops(reason: string): Promise<number> {
  return (await lab.stats('switch')).total.drops[reason] ?? 0;
}

/** "Packet too big" about a segment of the connection that the client's port names. */
function forged(family: Family, port: number, sequence: number): Uint8Array {
  const address = (text: string) => parseAddress(text)!;
  const about = {
    source: address(VIPS[family]),
    sourcePort: 80,
    destination: address(CLIENTS[family]),
    destinationPort: port,
    sequence,
    flags: TCP_ACK,
    payload: new Uint8Array(1400),
  };
  const kind = family === 'IPv6' ? { type: 2, rest: 1280 } : { type: 3, code: 4, rest: 1280 };
  return buildError({ ...kind, source: address(CLIENTS[family]), about, length: 200 });
}

async function openPort(family: Family): Promise<number> {
  for (;;) {
    const views = await lab.admin<{ client: string; state: string }[]>('switch', '/connections');
    const open = views.find(
      ({ client, state }) => client.startsWith('[') === (family === 'IPv6') && state === 'forward',
    );
    if (open) return Number(open.client.split(':').at(-1));
    await sleep(50);
  }
}

test('icmp: a forged error reaches its connection, whose kernel refuses it', async () => {
  for (const family of FAMILIES) {
    const refused = () => kernelCounter(lab, 'server1', 'OutOfWindowIcmps');
    const before = await refused();
    const unknown = await drops('no-entry');
    const waiting: Promise<RequestResult[]> = send(lab, {
      address: VIPS[family],
      targets: ['/a', '/b'],
      connections: 'one',
      pauseMs: 3000,
    });
    const port = await openPort(family);
    const packets = [1, 0x40000001, 0xc0000001].map((sequence) => forged(family, port, sequence));
    await sendRaw(lab, 'client', [...packets, forged(family, port + 1, 1)]);
    await waiting;
    // one of three numbers may lie in the window, two cannot
    assert.ok((await refused()) - before >= 2, family);
    assert.is(await learnedMtu(lab, family), 0, family);
    assert.is((await drops('no-entry')) - unknown, 1, family);
  }
});

test('icmp: the VIPs answer pings; fragments are dropped and counted', async () => {
  for (const family of FAMILIES) {
    const ping = (...more: string[]) =>
      lab.run('client', ['ping', '-n', '-c', '2', '-i', '0.2', ...more, VIPS[family]]);
    assert.match((await ping('-W', '5')).stdout, /2 received/);
    const before = await drops('fragment');
    assert.match((await ping('-W', '1', '-s', '3000')).stdout, / 0 received/);
    assert.ok((await drops('fragment')) - before >= 4, family);
  }
});

test('icmp: 1 MB through a link of 1400 bytes that only the router knows', async () => {
  await narrowToClient(lab);
  for (const family of FAMILIES) {
    const plan = { address: VIPS[family], targets: [`/bytes/${LENGTH}`] };
    const [answer] = await send(lab, plan);
    assert.is(answer!.digest, streamDigest(LENGTH));
    assert.is(await learnedMtu(lab, family), NARROW, family);
  }
  const { counters } = (await lab.stats('switch')).total;
  assert.ok(counters['icmpErrors']! >= 1, JSON.stringify(counters));
});

test.run();
