import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK } from '../../assembly/wire/tcp.ts';
import { compileCore, instantiateExports } from '../../src/core.ts';
import type { LocalTuple } from '../../src/tuple.ts';
import { CoreHost, address4 } from '../support/core-host.ts';

const owners = suite('owners');
const DEAD = 200;

interface DebugExports {
  debugLock(owner: number, tuple: number): number;
  debugHalfWrite(owner: number, entry: number): void;
  debugHalfInsert(owner: number, entry: number): void;
  debugHalfRemove(owner: number, entry: number): void;
  debugUnlock(tuple: number): void;
  debugReserve(owner: number): number;
  debugBreakPool(owner: number): number;
}

async function deadHost(): Promise<[CoreHost, DebugExports]> {
  const service = { address: address4(80, 2), port: 80 };
  const host = await CoreHost.create({ connections: 32, halfOpenLimit: 32, services: [service] });
  const module = await compileCore('debug');
  const exports = instantiateExports(module, host.core.memory) as unknown as DebugExports;
  return [host, exports];
}

function keyOf(number: number): LocalTuple {
  const local = address4(80, 2);
  return { client: address4(number, 1), clientPort: 5000 + number, local, localPort: 80 };
}

function insert(host: CoreHost, number: number, state: number): number {
  host.connections
    .template()
    .key(keyOf(number))
    .state(state)
    .server(address4(9, 9), 8080)
    .id({ run: 1, counter: number });
  return host.core.insert(host.owner, L.CONTROL_TEMPLATE);
}

/** All connections of the bucket of one of them. */
function neighbours(host: CoreHost, entry: number): number[] {
  const mask = host.header(L.HEADER_BUCKET_COUNT) - 1;
  const bucketOf = (index: number): number => host.connections.entry32(index, L.ENTRY_HASH) & mask;
  return Array.from({ length: 32 }, (_, index) => index).filter(
    (index) =>
      host.connections.state(index) >= L.STATE_GATHERING && bucketOf(index) === bucketOf(entry),
  );
}

owners('fresh owner ids go round 1..255', async () => {
  const host = await CoreHost.create();
  const seen = new Set(Array.from({ length: 255 }, () => host.core.nextOwner()));
  assert.is(seen.size, 255);
  assert.ok(!seen.has(0) && !seen.has(256));
});

owners(
  'a bucket whose owner died half-way is emptied; a half-written entry reaches no packet',
  async () => {
    const [host, debug] = await deadHost();
    const entries = Array.from({ length: 24 }, (_, index) => insert(host, index, L.STATE_FORWARD));
    const entry = entries[5]!;
    const lost = neighbours(host, entry);
    host.connections.writeTuple(keyOf(5));
    assert.ok(debug.debugLock(DEAD, L.CONTROL_TUPLE) > 0);
    debug.debugHalfWrite(DEAD, entry);
    const packet = {
      source: keyOf(5).client,
      destination: keyOf(5).local,
      sourcePort: 5005,
      destinationPort: 80,
      sequence: 1,
      flags: TCP_ACK,
    };
    const busy = host.send(packet);
    assert.equal([busy.verdict, busy.reason], [V.VERDICT_DROP, V.DROP_TABLE_BUSY]);
    assert.is(host.core.releaseOwner(host.owner, DEAD + 1), 0);
    assert.is(host.core.releaseOwner(host.owner, DEAD), lost.length);
    assert.is(host.core.releaseOwner(host.owner, DEAD), 0);
    entries.forEach((index, number) => {
      const expected = lost.includes(index) ? L.NO_ENTRY : index;
      assert.is(host.lookup(keyOf(number)), expected);
    });
    const unknown = host.send(packet);
    assert.equal([unknown.verdict, unknown.reason], [V.VERDICT_DROP, V.DROP_BAD_COOKIE]);
    assert.ok(host.isWhole());
  },
);

owners('an entry half-inserted or half-removed returns to the pool', async () => {
  for (const half of ['debugHalfInsert', 'debugHalfRemove'] as const) {
    const [host, debug] = await deadHost();
    for (let number = 0; number < 8; number += 1) insert(host, number, L.STATE_GATHERING);
    host.connections.writeTuple(keyOf(3));
    const entry = host.core.lookup(L.CONTROL_TUPLE);
    debug.debugLock(DEAD, L.CONTROL_TUPLE);
    debug[half](DEAD, entry);
    host.core.releaseOwner(host.owner, DEAD);
    assert.is(host.lookup(keyOf(3)), L.NO_ENTRY);
    assert.ok(host.isWhole(), half);
  }
});

owners(
  'entries that a dead owner had taken return to the pool, a live one keeps its own',
  async () => {
    const [host, debug] = await deadHost();
    const alive = debug.debugReserve(7);
    for (let count = 0; count < 5; count += 1) debug.debugReserve(DEAD);
    assert.is(host.header(L.HEADER_FREE_COUNT), 26);
    assert.is(host.core.releaseOwner(host.owner, DEAD), 0);
    assert.is(host.header(L.HEADER_FREE_COUNT), 31);
    assert.is(host.connections.entry32(alive, L.ENTRY_STATE), L.STATE_RESERVED | (7 << 8));
  },
);

owners('a pool whose lock and list a dead owner left is rebuilt by marking', async () => {
  const [host, debug] = await deadHost();
  for (let number = 0; number < 8; number += 1) insert(host, number, L.STATE_HELD);
  assert.is(debug.debugBreakPool(DEAD), 1);
  assert.is(host.header(L.HEADER_FREE_HEAD), 0);
  host.core.releaseOwner(host.owner, DEAD);
  assert.is(host.header(L.HEADER_FREE_COUNT), 24);
  assert.ok(host.isWhole());
});

owners(
  'the count of connections in GATHERING is right after a death between count and state',
  async () => {
    const [host, debug] = await deadHost();
    insert(host, 1, L.STATE_GATHERING);
    host.core.view.setUint32(L.HEADER_HALF_OPEN_COUNT, 2, true);
    debug.debugReserve(DEAD);
    host.core.releaseOwner(host.owner, DEAD);
    assert.is(host.header(L.HEADER_HALF_OPEN_COUNT), 1);
  },
);

owners.run();
