import type { Change, Mistake } from './mistakes.ts';

function mistake(name: string, file: string, find: string, replace: string): Mistake {
  return { name, changes: [{ file: `assembly/${file}`, find, replace }] };
}

/** A mistake in the table's concurrency, and the table mode in which it is made. */
export interface TableMistake extends Mistake {
  table: 'keyed' | 'paper';
}

const TAKES = 'if (BucketLock.take(bucket, owner, tries)) {\n      const existing';
const INSERTED = 'BucketLock.release(bucket);\n    }\n    if (result';

const INSERT_UNLOCKED: Change[] = [
  {
    file: 'assembly/lookup/table.ts',
    find: TAKES,
    replace: 'if (tries != 0) {\n      const existing',
  },
  { file: 'assembly/lookup/table.ts', find: INSERTED, replace: '}\n    if (result' },
];

const PAPER_UNLOCKED: Change[] = [
  {
    file: 'assembly/lookup/reader.ts',
    find: 'if (!BucketLock.take(bucket, owner, 1)) {',
    replace: 'if (owner == 0) {',
  },
  {
    file: 'assembly/lookup/reader.ts',
    find: 'BucketLock.release(bucket);\n    return entry;',
    replace: 'return entry;',
  },
];

/** What the test of four threads must find: the version check or a lock left out. */
export const TABLE_MISTAKES: TableMistake[] = [
  {
    table: 'keyed',
    ...mistake(
      "no version check for a plain packet's entry",
      'straight.ts',
      'return (version & VERSION_LOCKED) | (Atomic.load(bucket) ^ version);',
      'return 0;',
    ),
  },
  {
    table: 'keyed',
    ...mistake(
      'no version check behind the copy of an entry',
      'lookup/reader.ts',
      'if (Atomic.load(bucket) == version) {\n          result = entry;',
      'if (version != 1) {\n          result = entry;',
    ),
  },
  {
    table: 'keyed',
    ...mistake(
      "no version check in control's lookup",
      'lookup/reader.ts',
      'if (Atomic.load(bucket) == version) return entry;',
      'return entry;',
    ),
  },
  { table: 'keyed', name: 'no lock in an insert', changes: INSERT_UNLOCKED },
  {
    table: 'keyed',
    ...mistake(
      'no lock in an update and a removal',
      'lookup/table.ts',
      'if (!BucketLock.take(bucket, owner, tries)) return 0;',
      '',
    ),
  },
  {
    table: 'keyed',
    ...mistake(
      'a lock that two may take at once',
      'lookup/bucket-lock.ts',
      'if (Atomic.exchange(bucket, version, BucketLock.locked(version, owner))) return true;',
      'return true;',
    ),
  },
  {
    table: 'keyed',
    ...mistake(
      'no lock of the pool',
      'lookup/pool.ts',
      'if (Atomic.load(HEADER_FREE_LOCK) == 0 && Atomic.exchange(HEADER_FREE_LOCK, 0, owner)) {',
      'if (owner != 0) {',
    ),
  },
  { table: 'paper', name: "no lock for a packet's entry", changes: PAPER_UNLOCKED },
];

/** What the test of held packets must find. */
export const HELD_MISTAKES: Mistake[] = [
  mistake(
    'FORWARD before the held packets were sent',
    'lookup/table.ts',
    'if (<i32>left > 0) return;',
    'if (<i32>left < 0) return;',
  ),
  mistake(
    'records of workers that are not numbered',
    'queue.ts',
    'Atomic.add(HEADER_QUEUE_ORDER, 1)',
    'Atomic.add(HEADER_QUEUE_ORDER, 0)',
  ),
];

/** What the comparison with full checksums must find. */
export const CHECKSUM_MISTAKES: Mistake[] = [
  mistake(
    'a sum of 0 that leaves as 0xffff',
    'rewrite/checksum.ts',
    'store<u16>(field, select<u32>(sum, 0xffff, sum != 0) ^ 0xffff);',
    'store<u16>(field, (sum % 0xffff) ^ 0xffff);',
  ),
  mistake(
    'the same on the short way of plain packets',
    'rewrite/checksum.ts',
    'return ~(sum + rotl<u32>(sum, 16));',
    'return ((sum % 0xffff) ^ 0xffff) << 16;',
  ),
  mistake(
    'a carry of a carry that is lost',
    'rewrite/checksum.ts',
    'return ~(sum + rotl<u32>(sum, 16));',
    'return ((sum + (sum >> 16)) ^ 0xffff) << 16;',
  ),
  mistake(
    'a partial sum of 0xffff that leaves as 0',
    'rewrite/checksum.ts',
    'store<u16>(field, select<u32>(sum, 0xffff, sum != 0));',
    'store<u16>(field, sum % 0xffff);',
  ),
  mistake(
    'ports in a partial sum',
    'rewrite/checksum.ts',
    'const sum = Checksum.fold(<u64>(<u32>load<u16>(field) + address));',
    'const sum = Checksum.fold(<u64>load<u16>(field) + change + <u64>(address & 0));',
  ),
  mistake(
    'a plain packet whose partial sum is taken for a full one',
    'rewrite/to-server.ts',
    'if ((load<u8>(slot, SLOT_VNET + VNET_FLAGS) & VNET_NEEDS_CSUM) == 0) {',
    'if (load<u8>(slot, SLOT_VNET + VNET_FLAGS) < 0xff) {',
  ),
  mistake(
    'numbers at odd places that are summed as at even ones',
    'rewrite/options.ts',
    'Checksum.change32(old, fresh) << (((field - tcp) & 1) << 3)',
    'Checksum.change32(old, fresh)',
  ),
  mistake(
    'a TTL left out of the checksum',
    'rewrite/to-server.ts',
    'address + HOP_LIMIT + ((old & 0xff) ^ 0xffff)',
    'address + 0xffff + (old & 0)',
  ),
  mistake(
    'a window left out of the checksum',
    'rewrite/to-client.ts',
    'return Checksum.change16(old, fresh);',
    'return 0;',
  ),
];

export const CORE_MISTAKES: Mistake[] = [...TABLE_MISTAKES, ...HELD_MISTAKES, ...CHECKSUM_MISTAKES];
