// Examples of what distributors and dispatchers tell each other, and random ones.
import * as fc from 'fast-check';
import type { DispatchMessage } from '../../src/channel/dispatch-messages.ts';
import { COUNT_SIZE, REQUEST_SIZE } from '../../src/channel/wire.ts';

export const dispatchExamples: Record<string, DispatchMessage> = {
  roster: {
    type: 'roster',
    pools: ['default', 'images'],
    servers: [
      { name: 'server1', active: 25 },
      { name: 'server2', active: 0 },
    ],
    details: {
      standings: [
        { weight: 1, sinceMs: 0, slowStartMs: 0 },
        { weight: 1.5, sinceMs: 500, slowStartMs: 10_000 },
      ],
      members: [[0, 1], [1]],
    },
  },
  dispatch: {
    type: 'dispatch',
    number: 9,
    // a new connection, and a next request on one that server 1 has
    requests: Uint8Array.from(
      [
        [0x50, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0],
        [0x50, 0, 0, 2, 0, 1, 0, 1, 0, 0, 0, 0],
      ].flat(),
    ),
    // server 2 has lost three
    counts: Uint8Array.of(0, 1, 0, 0, 0, 3),
    // both, or the second alone
    sets: Uint8Array.of(3, 2),
    setSize: 1,
  },
  dispatched: { type: 'dispatched', number: 9, servers: Uint8Array.of(0, 0, 0xff, 0xff) },
};

function record<Shape extends object>(shape: {
  [Key in keyof Shape]: fc.Arbitrary<Shape[Key]>;
}): fc.Arbitrary<Shape> {
  return fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<Shape>;
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const few = fc.nat(20);
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Uint8Array.from(bytes));

const standing = record({
  weight: u32.map((thousandths) => thousandths / 1000),
  sinceMs: u32,
  slowStartMs: u32,
});

function anyRoster(name: fc.Arbitrary<string>): fc.Arbitrary<DispatchMessage> {
  const all = <Value>(value: fc.Arbitrary<Value>, count: number) =>
    fc.array(value, { minLength: count, maxLength: count });
  return fc.tuple(fc.nat(5), fc.nat(5)).chain(([pools, servers]) =>
    record({
      type: fc.constant('roster' as const),
      pools: all(name, pools),
      servers: all(record({ name, active: u32 }), servers),
      details: record({
        standings: all(standing, servers),
        members: all(fc.array(fc.nat(0xffff), { maxLength: 5 }), pools),
      }),
    }),
  );
}

/** Any of them that can be sent; `name`: names of servers and pools. */
export function anyDispatching(name: fc.Arbitrary<string>): fc.Arbitrary<DispatchMessage> {
  return fc.oneof(
    anyRoster(name),
    fc.tuple(few, few, few, fc.nat(4)).chain(([requests, counts, sets, setSize]) =>
      record({
        type: fc.constant('dispatch' as const),
        number: u32,
        requests: bytesOf(requests * REQUEST_SIZE),
        counts: bytesOf(counts * COUNT_SIZE),
        sets: bytesOf(sets * setSize),
        setSize: fc.constant(setSize),
      }),
    ),
    few.chain((servers) =>
      record({
        type: fc.constant('dispatched' as const),
        number: u32,
        servers: bytesOf(servers * 2),
      }),
    ),
  );
}
