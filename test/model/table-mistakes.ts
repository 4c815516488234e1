// Mistakes in the table's algorithm, each with the scene that must find it.
import { TABLE_MISTAKES } from '../planted/core-mistakes.ts';
import type { Mistake } from '../planted/mistakes.ts';

interface ExploredMistake extends Mistake {
  /** that finds it: id in scenes.ts */
  scene: string;
}

function mistake(
  scene: string,
  name: string,
  file: string,
  find: string,
  replace: string,
): ExploredMistake {
  return { scene, name, changes: [{ file: `assembly/lookup/${file}`, find, replace }] };
}

/** For those of the test of four threads. */
const SCENES_OF: Record<string, string> = {
  "no version check for a plain packet's entry": 'workers',
  'no version check behind the copy of an entry': 'twice',
  "no version check in control's lookup": 'lookup',
  'no lock in an insert': 'inserts',
  'no lock in an update and a removal': 'writers',
  'a lock that two may take at once': 'inserts',
  'no lock of the pool': 'inserts',
  "no lock for a packet's entry": 'paper',
};

/** Beside those that the test of four threads finds. */
const MORE: ExploredMistake[] = [
  {
    scene: 'workers',
    name: 'a packet that is looked up while a writer holds the bucket',
    changes: [
      {
        file: 'assembly/straight.ts',
        find: 'return (version & VERSION_LOCKED) | ',
        replace: 'return ',
      },
    ],
  },
  mistake(
    'workers',
    'a version that is the same before and after a change',
    'bucket-lock.ts',
    'BucketLock.stripped(version) + VERSION_STEP)',
    'BucketLock.stripped(version))',
  ),
  mistake(
    'lookup',
    'an entry that is freed before it is taken out of its chain',
    'table.ts',
    'if (same) Table.takeOut(owner, bucket, entry);\n    BucketLock.release(bucket);\n' +
      '    if (same) Pool.release(owner, entry);',
    'if (same) {\n      State.set(entry, Pool.reserved(owner));\n      Pool.release(owner, entry);\n' +
      '      Chain.unlink(bucket, entry);\n    }\n    BucketLock.release(bucket);',
  ),
  mistake(
    'dying removal',
    'an entry taken out of its chain before it is marked',
    'table.ts',
    'State.set(entry, Pool.reserved(owner));\n    Chain.unlink(bucket, entry);',
    'Chain.unlink(bucket, entry);\n    State.set(entry, Pool.reserved(owner));',
  ),
  mistake(
    'dying insert',
    'an entry in its chain before it names the next one',
    'chain.ts',
    'store<u32>(entry, load<u32>(bucket, BUCKET_HEAD));\n' +
      '    store<u32>(bucket, Pool.index(entry) + 1, BUCKET_HEAD);',
    'const next = load<u32>(bucket, BUCKET_HEAD);\n' +
      '    store<u32>(bucket, Pool.index(entry) + 1, BUCKET_HEAD);\n    store<u32>(entry, next);',
  ),
  mistake(
    'writers',
    'an entry that is not looked at again when its bucket is locked',
    'table.ts',
    'if (State.isLinked(State.of(entry)) && load<u32>(entry, ENTRY_HASH) == hash) return bucket;',
    'if (hash == hash) return bucket;',
  ),
  mistake(
    'dying update',
    "a dead owner's bucket that is unlocked as it is",
    'owners.ts',
    'lost += Owners.reserveChain(owner, bucket);\n      store<u32>(bucket, 0, BUCKET_HEAD);',
    '',
  ),
  mistake(
    'dying insert',
    "a dead owner's entries that are not freed",
    'owners.ts',
    'const freed = Owners.freeReserved(owner, dead);',
    'const freed: u32 = 0;',
  ),
  mistake(
    'dying insert',
    "a dead owner's lock of the pool that stays",
    'owners.ts',
    'if (!Atomic.exchange(HEADER_FREE_LOCK, dead, owner)) return false;',
    'if (dead != 0) return false;',
  ),
  mistake(
    'dying insert',
    "a dead owner's free list that is taken as it is",
    'owners.ts',
    'Pool.rebuild();\n',
    '',
  ),
];

export const EXPLORED_MISTAKES: ExploredMistake[] = [
  ...TABLE_MISTAKES.map(({ name, changes }) => {
    const scene = SCENES_OF[name];
    if (scene === undefined) throw new Error(`no scene for the mistake: ${name}`);
    return { scene, name, changes };
  }),
  ...MORE,
];
