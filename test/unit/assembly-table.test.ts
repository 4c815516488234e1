import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { CoreBuild } from '../../src/core.ts';
import type { HandoffId } from '../../src/channel/messages.ts';
import type { LocalTuple } from '../../src/tuple.ts';
import { Random } from '../../src/lab/random.ts';
import { CoreHost, address4, address6 } from '../support/core-host.ts';

const table = suite('table');
const EXISTS = 0x80000000;

interface Known {
  entry: number;
  id: HandoffId;
  server: Uint8Array;
  state: number;
}

function keyOf(number: number): LocalTuple {
  const six = (number & 1) === 1;
  const address = six ? address6 : address4;
  return {
    client: address((number >>> 1) & 15, 1),
    clientPort: 1024 + (number >>> 5),
    local: address(number & 2 ? 80 : 81, 2),
    localPort: 80,
  };
}

function insert(host: CoreHost, key: LocalTuple, known: Omit<Known, 'entry'>): number {
  host.connections
    .template()
    .key(key)
    .state(known.state)
    .id(known.id)
    .server(known.server, 8080)
    .created(5000);
  return host.core.insert(host.owner, L.CONTROL_TEMPLATE);
}

/**
 * Random operations on the table and on a Map; `keys` more than entries, so that it is full at
 * times.
 */
function compare(host: CoreHost, seed: number, rounds: number, keys: number): void {
  const random = new Random(seed);
  const { core, connections, owner } = host;
  const model = new Map<number, Known>();
  const states = [L.STATE_GATHERING, L.STATE_HELD, L.STATE_FORWARD, L.STATE_CLOSED];
  const fresh = (six: boolean): Omit<Known, 'entry'> => ({
    id: { run: random.next(), counter: random.next() },
    server: (six ? address6 : address4)(random.below(256), 9),
    state: random.pick(states),
  });
  for (let round = 0; round < rounds; round += 1) {
    const number = random.below(keys);
    const key = keyOf(number);
    const before = model.get(number);
    assert.is(host.lookup(key), before?.entry ?? L.NO_ENTRY);
    const next = fresh((number & 1) === 1);
    const action = random.below(4);
    if (action === 0) {
      const entry = insert(host, key, next);
      if (before && entry !== L.NO_ENTRY) assert.is(entry, EXISTS + before.entry);
      else if (model.size === connections.entryCount) assert.is(entry, L.NO_ENTRY);
      else {
        assert.ok(connections.isIndex(entry));
        model.set(number, { entry, ...next });
      }
    } else if (action === 1 && before) {
      const wrong = core.remove(owner, before.entry, before.id.run + 1, before.id.counter);
      assert.is(wrong, 0);
      assert.is(core.remove(owner, before.entry, before.id.run, before.id.counter), 1);
      assert.is(core.remove(owner, before.entry, before.id.run, before.id.counter), 0);
      model.delete(number);
    } else if (action === 2 && before) {
      connections.template().key(key).server(next.server, 8080).id(next.id).state(next.state);
      const what = C.UPDATE_ID | C.UPDATE_SERVER | C.UPDATE_STATE;
      const { run, counter } = before.id;
      assert.is(core.update(owner, before.entry, run, counter, L.CONTROL_TEMPLATE, what), 1);
      model.set(number, { entry: before.entry, ...next });
    }
  }
  for (const [number, known] of model) {
    assert.is(host.lookup(keyOf(number)), known.entry);
    assert.equal(connections.key(known.entry), keyOf(number));
    assert.equal(connections.server(known.entry), known.server);
    assert.equal(connections.id(known.entry), known.id);
    assert.is(connections.state(known.entry), known.state);
  }
  assert.is(host.linked(), model.size);
  assert.ok(host.isWhole());
}

for (const build of ['release', 'single', 'debug'] satisfies CoreBuild[]) {
  for (const mode of ['keyed', 'paper'] as const) {
    table(`like a Map after random operations (${build}, ${mode})`, async () => {
      const options = { table: mode, connections: 100, halfOpenLimit: 100 };
      compare(await CoreHost.create(options, build), 1, 20_000, 300);
      compare(await CoreHost.create({ ...options, connections: 7 }, build), 2, 5_000, 20);
    });
  }
}

table('a full table refuses and keeps what it has', async () => {
  const host = await CoreHost.create({ connections: 3, halfOpenLimit: 3 });
  const state = L.STATE_FORWARD;
  const id = { run: 1, counter: 1 };
  for (let number = 0; number < 10; number += 1) {
    const server = address4(1);
    const entry = insert(host, keyOf(number * 2), { state, id, server });
    assert.is(entry === L.NO_ENTRY, number >= 3);
  }
  assert.is(host.linked(), 3);
  assert.ok(host.isWhole());
});

table('connections in GATHERING are limited, and counted exactly', async () => {
  const host = await CoreHost.create({ connections: 16, halfOpenLimit: 4 });
  const known = { state: L.STATE_GATHERING, id: { run: 0, counter: 0 }, server: address4(0) };
  const entries = [0, 2, 4, 6, 8, 10].map((number) => insert(host, keyOf(number), known));
  assert.equal(entries.slice(4), [L.NO_ENTRY, L.NO_ENTRY]);
  assert.is(host.header(L.HEADER_HALF_OPEN_COUNT), 4);
  host.connections.template().state(L.STATE_HELD);
  host.core.update(host.owner, entries[0]!, 0, 0, L.CONTROL_TEMPLATE, C.UPDATE_STATE);
  host.core.remove(host.owner, entries[1]!, 0, 0);
  assert.is(host.header(L.HEADER_HALF_OPEN_COUNT), 2);
  assert.ok(host.isWhole());
});

table('a chain longer than a walk is never made', async () => {
  const host = await CoreHost.create({ table: 'paper', connections: 1200 });
  let made = 0;
  for (let number = 0; number < 1200; number += 1) {
    // address XOR port is the same for all
    const client = new Uint8Array([10, 0, number >>> 8, number & 255]);
    const key = { client, clientPort: number, local: address4(80), localPort: 80 };
    const known = { state: L.STATE_FORWARD, id: { run: 1, counter: 1 }, server: address4(1) };
    if (insert(host, key, known) !== L.NO_ENTRY) made += 1;
  }
  assert.is(made, L.CHAIN_LIMIT);
  assert.ok(host.isWhole());
});

table('DRAINING becomes FORWARD when every held packet was sent', async () => {
  const host = await CoreHost.create();
  const { core, connections, owner } = host;
  const known = { state: L.STATE_HELD, id: { run: 3, counter: 4 }, server: address4(1) };
  const entry = insert(host, keyOf(0), known);
  const held = connections.recordAddress(entry) + L.RECORD_HELD_COUNT;
  core.view.setUint32(held, 3, true);
  connections.template().state(L.STATE_DRAINING);
  core.update(owner, entry, 3, 4, L.CONTROL_TEMPLATE, C.UPDATE_STATE);
  assert.is(connections.state(entry), L.STATE_DRAINING);
  assert.is(core.held(owner, entry, 3, 5, 3), 0);
  assert.is(core.held(owner, entry, 3, 4, 2), 1);
  assert.is(connections.state(entry), L.STATE_DRAINING);
  assert.is(core.held(owner, entry, 3, 4, 1), 1);
  assert.is(connections.state(entry), L.STATE_FORWARD);
  assert.is(core.held(owner, entry, 3, 4, 1), 1);
});

table('DRAINING with nothing held becomes FORWARD at once', async () => {
  const host = await CoreHost.create();
  const known = { state: L.STATE_HELD, id: { run: 3, counter: 4 }, server: address4(1) };
  const entry = insert(host, keyOf(0), known);
  host.connections.template().state(L.STATE_DRAINING);
  host.core.update(host.owner, entry, 3, 4, L.CONTROL_TEMPLATE, C.UPDATE_STATE);
  assert.is(host.connections.state(entry), L.STATE_FORWARD);
});

table('the sweep removes what is over and lists what is late', async () => {
  const host = await CoreHost.create();
  const { core, connections, owner } = host;
  const id = { run: 1, counter: 1 };
  const make = (number: number, state: number, deadline: number, terminal = 0): number => {
    connections.template().key(keyOf(number)).state(state).id(id).deadline(deadline).created(1000);
    core.view.setUint32(L.CONTROL_TEMPLATE + L.TEMPLATE_RECORD + L.RECORD_TERMINAL, terminal, true);
    return core.insert(owner, L.CONTROL_TEMPLATE);
  };
  const late = [
    make(0, L.STATE_GATHERING, 2000),
    make(1, L.STATE_HELD, 2000),
    make(2, L.STATE_REPLAYING, 2000),
    make(3, L.STATE_DRAINING, 2000),
    make(4, L.STATE_CLOSED, 2000, L.TERMINAL_CLOSE),
    make(5, L.STATE_FORWARD, 0),
  ];
  make(6, L.STATE_CLOSED, 2000);
  make(7, L.STATE_CLOSED, 9000);
  make(8, L.STATE_HELD, 9000);
  const sweep = (nowMs: number, idleMs: number, limit = 64): number[] => {
    const count = core.sweep(owner, 0, 1000, nowMs, idleMs, L.CONTROL_LIST, limit);
    return connections.list(count).sort((a, b) => a - b);
  };
  assert.equal(sweep(1500, 10_000), []);
  assert.is(host.linked(), 9);
  assert.equal(
    sweep(3000, 10_000),
    late.slice(0, 5).sort((a, b) => a - b),
  );
  assert.is(host.lookup(keyOf(6)), L.NO_ENTRY);
  assert.is(host.linked(), 8);
  assert.equal(
    sweep(3000, 1000),
    late.sort((a, b) => a - b),
  );
  assert.is(sweep(3000, 1000, 2).length, 2);
  assert.ok(host.isWhole());
});

table('steering uses the keyed hash in both modes', async () => {
  const keyed = await CoreHost.create();
  const paper = await CoreHost.create({ table: 'paper' });
  for (let number = 0; number < 50; number += 1) {
    keyed.connections.writeTuple(keyOf(number));
    paper.connections.writeTuple(keyOf(number));
    assert.is(keyed.core.steer(L.CONTROL_TUPLE), paper.core.steer(L.CONTROL_TUPLE));
  }
});

table('the keyed hash spreads clients behind one NAT, the paper one does not', async () => {
  const host = await CoreHost.create();
  const buckets = new Set<number>();
  for (let address = 0; address < 64; address += 1) {
    for (let port = 0; port < 64; port += 1) {
      const local = address4(80);
      host.connections.writeTuple({
        client: address4(address),
        clientPort: 1024 + port,
        local,
        localPort: 80,
      });
      buckets.add(host.core.steer(L.CONTROL_TUPLE) & 4095);
    }
  }
  // 4096 balls in 4096 bins leave 1/e of them empty
  assert.ok(buckets.size > 2500 && buckets.size < 2680, String(buckets.size));
});

table.run();
