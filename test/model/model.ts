// Checks test/model/*.pml with spin, as they are and with one mistake at a time.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../test/model', import.meta.url));
const DEPTH = 20_000;
/** slots of the set of states, as a power of two: 256 MB */
const HASH = '-w25';
const SEEDS = [3, 1, 2, 4, 5, 6];

/** By model, the mistakes that it must find. */
export const MODELS = {
  handoff: [
    'NO_ID',
    'RETRY_MAYBE',
    'NO_REPEAT',
    'NO_CLOSE_BACK',
    'EARLY_FORWARD',
    'NO_DRAIN',
    'CONFIRM_ALL',
    'NO_RESYNC',
  ],
  move: [
    'UNFINISHED',
    'FIRST_BUSY',
    'FORBIDDEN',
    'NO_DATA',
    'TWO_OWNERS',
    'RESET_TWICE',
    'NO_COMPARE',
    'ASK_AT_ONCE',
  ],
  update: [
    'UPDATE_EARLY',
    'STOP_EARLY',
    'NO_REPEAT',
    'OLD_CLOSE',
    'OLD_UPDATE',
    'LATE_UPDATE',
    'NO_CLOSE',
  ],
} as const;
export type Model = keyof typeof MODELS;

export interface CheckOptions {
  model: Model;
  /** one of those of the model */
  mistake?: string;
  /** the search goes no deeper */
  depth?: number;
  /** the search ends then, complete or not */
  limitMs: number;
}

export interface Verdict {
  states: number;
  /** what does not hold; '' when nothing was found */
  error: string;
  /** every state was looked at */
  complete: boolean;
}

function run(command: string, args: string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: 'pipe' });
}

/** A mistake is looked for in another order of the steps each time, until it is found. */
export function check(options: CheckOptions): Verdict {
  const { model, mistake, depth = DEPTH, limitMs } = options;
  const file = join(FOLDER, `${model}.pml`);
  const folder = mkdtempSync(join(tmpdir(), 'baton-model-'));
  try {
    run('spin', [...(mistake ? [`-D${mistake}`] : []), '-a', file], folder);
    const order = mistake ? ['-DT_RAND', '-DP_RAND'] : [];
    const flags = [
      '-O2',
      '-w',
      '-DSAFETY',
      '-DNOFAIR',
      '-DCOLLAPSE',
      ...order,
      '-o',
      'pan',
      'pan.c',
    ];
    run('gcc', flags, folder);
    const seeds = mistake ? SEEDS : [0];
    for (const seed of seeds) {
      const verdict = search(
        folder,
        [HASH, `-m${depth}`, ...(seed > 0 ? [`-RS${seed}`] : [])],
        limitMs,
      );
      if (verdict.error !== '' || seed === seeds.at(-1)) return verdict;
    }
    throw new Error('no seed was tried');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function search(cwd: string, options: string[], limitMs: number): Verdict {
  // SIGINT makes it print what it has seen
  const limits = { timeout: limitMs, killSignal: 'SIGINT', maxBuffer: 1 << 26 } as const;
  const { stdout } = spawnSync(join(cwd, 'pan'), options, { cwd, ...limits });
  const text = stdout.toString();
  return {
    states: Number(/([\d.e+]+) states, stored/.exec(text)?.[1] ?? 0),
    error: /^pan:\d+: ((?:assertion|invalid end).*)$/m.exec(text)?.[1] ?? '',
    complete: /errors: 0/.test(text) && !/interrupted|max search depth too small/.test(text),
  };
}
