// What the explorer runs: few threads, few entries, every place where they can meet.
import type { Call, Scene } from './scene.ts';

const A = 40_001;
const B = 40_002;
const C = 40_003;

function insert(key: number, generation: number): Call {
  return { name: 'insert', key, generation };
}

function remove(entry: number, generation = 1): Call {
  return { name: 'remove', entry, generation };
}

function update(from: number, to: number): Call {
  return { name: 'update', entry: 0, from, to };
}

/** Calls that die at each of their steps, before another thread cleans up and a reader looks. */
const DYING: [string, string, Call][] = [
  ['dying insert', 'an insert', insert(C, 2)],
  ['dying removal', 'a removal', remove(0)],
  ['dying update', 'an update', update(1, 2)],
];

export const SCENES: Scene[] = [
  {
    id: 'reuse',
    name: 'a packet, while its entry is removed and used for another key',
    room: 2,
    present: [B, A],
    threads: [
      { calls: [{ name: 'forward', key: A }] },
      { calls: [remove(1), insert(C, 2)] },
      { calls: [{ name: 'lookup', key: B }] },
    ],
  },
  {
    id: 'lookup',
    name: "control's lookup, while the entry before is removed and used for another key",
    room: 2,
    present: [B, A],
    threads: [{ calls: [{ name: 'lookup', key: B }] }, { calls: [remove(1), insert(C, 2)] }],
  },
  {
    id: 'return',
    name: 'a packet, while its entry is removed and the key comes again',
    room: 2,
    present: [A],
    threads: [{ calls: [{ name: 'forward', key: A }] }, { calls: [remove(0), insert(A, 2)] }],
  },
  {
    id: 'workers',
    name: 'packets of two workers, while the server changes',
    room: 1,
    present: [A],
    threads: [
      { calls: [{ name: 'forward', key: A }] },
      { calls: [update(1, 2)] },
      { calls: [{ name: 'forward', key: A }] },
    ],
  },
  {
    id: 'twice',
    name: 'a packet, while the server changes twice',
    room: 1,
    present: [A],
    threads: [{ calls: [{ name: 'forward', key: A }] }, { calls: [update(1, 2), update(2, 3)] }],
  },
  {
    id: 'paper',
    name: 'paper: a packet, while its entry is removed and used for another key',
    table: 'paper',
    room: 1,
    present: [A],
    threads: [{ calls: [{ name: 'forward', key: A }] }, { calls: [remove(0), insert(C, 2)] }],
  },
  {
    id: 'inserts',
    name: 'two insert one key',
    room: 2,
    present: [],
    threads: [{ calls: [insert(A, 1)] }, { calls: [insert(A, 2)] }],
  },
  {
    id: 'writers',
    name: 'one inserts, one removes, one updates what is removed',
    room: 2,
    present: [A],
    threads: [{ calls: [insert(B, 2)] }, { calls: [remove(0)] }, { calls: [update(1, 3)] }],
  },
  ...DYING.map(([id, what, call]): Scene => ({
    id,
    name: `${what} dies anywhere, its bucket is freed, a packet comes`,
    room: 3,
    present: [A, B],
    threads: [
      { calls: [call], mayDie: true },
      { calls: [{ name: 'release', dead: 0 }], after: 0 },
      { calls: [{ name: 'forward', key: A }] },
    ],
  })),
];
