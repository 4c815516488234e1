import type { Change } from './mistakes.ts';

function before(file: string, find: string, text: string): Change {
  return { file: `assembly/${file}`, find, replace: `${text}\n${find}` };
}

function after(file: string, find: string, text: string): Change {
  return { file: `assembly/${file}`, find, replace: `${find}\n${text}` };
}

const PAUSE = 'Atomic.pause();';

/**
 * Changes that make a core slow at the places where two threads may meet: what another thread can see
 * half-done lasts as long as the rest together. Nothing is left out. A test of threads then needs few
 * operations, also on a machine that has other work.
 */
export const SLOW: Change[] = [
  after(
    'lookup/atomic.ts',
    'export class Atomic {',
    `static pause(): void {
      for (let left: u32 = 200; left != 0; --left) atomic.load<u32>(0);
    }`,
  ),
  // readers: between the words of an entry, and from entry to entry
  after(
    'straight.ts',
    'const server = load<u64>(entry, ENTRY_SERVER_ADDRESS4); // address, port',
    PAUSE,
  ),
  before(
    'lookup/reader.ts',
    'v128.store(copy + 2 * VECTOR, v128.load(entry + 2 * VECTOR));',
    PAUSE,
  ),
  before('lookup/chain.ts', "import { Pool } from './pool';", "import { Atomic } from './atomic';"),
  after(
    'lookup/chain.ts',
    'if (Chain.matches(kind, entry, client, other, ports)) return entry;',
    PAUSE,
  ),
  // writers: between server and deltas, between look and link, between the two ends of a link
  before(
    'rewrite/checksum.ts',
    'const PROTOCOL_TCP: u32 = 6;',
    "import { Atomic } from '../lookup/atomic';",
  ),
  before('rewrite/checksum.ts', 'let toServer: u64 = 0;', PAUSE),
  before('lookup/table.ts', 'Chain.link(bucket, entry);', PAUSE),
  before('lookup/chain.ts', 'store<u32>(bucket, Pool.index(entry) + 1, BUCKET_HEAD);', PAUSE),
  before('lookup/chain.ts', 'if (found) store<u32>(place, load<u32>(entry));', PAUSE),
  after('lookup/pool.ts', 'const head = load<u32>(0, HEADER_FREE_HEAD);', PAUSE),
];
