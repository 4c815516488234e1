// The rival: bench/rivals/core.c, compiled on the spot by each compiler that there is.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { STRIDE, type Load } from './load.ts';

export interface Measured {
  /** nanoseconds per packet */
  ns: number;
  digest: number;
  /** packets that were not forwarded, of all passes */
  kept: number;
}

/** How the C program goes through the packets -> its argument (bench/rivals/core.c). */
export const FORMS = {
  scalar: 0,
  'batches of 64': 64,
  'stages of 64': -64,
  'stages of 256': -256,
} as const;
export type Form = keyof typeof FORMS;

/** A rival's process, which has the load's memory. */
export interface Running {
  measure(form: Form, passes: number): Promise<Measured>;
  stop(): void;
}

export interface Rival {
  /** "gcc", "clang" */
  compiler: string;
  version: string;
  /** Over the memory in the file `image`, which `load` wrote. */
  start(image: string, load: Load): Running;
}

/** First line of its `--version`; undefined when it is not installed. */
function versionOf(compiler: string): string | undefined {
  const asked = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.split('\n')[0] : undefined;
}

/** Compiles into `folder`. Throws when there is no compiler at all. */
export function compileRivals(folder: string): Rival[] {
  const source = fileURLToPath(new URL('../bench/rivals/core.c', import.meta.url));
  const rivals = ['gcc', 'clang'].flatMap((compiler): Rival[] => {
    const version = versionOf(compiler);
    if (version === undefined) return [];
    const program = join(folder, `core-${compiler}`);
    execFileSync(compiler, ['-O3', '-march=native', '-o', program, source]);
    return [{ compiler, version, start: (image, load) => start(program, image, load) }];
  });
  if (rivals.length === 0) throw new Error('bench: neither gcc nor clang is installed');
  return rivals;
}

function start(program: string, image: string, { base, packets }: Load): Running {
  const args = [image, base, STRIDE, packets].map(String);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    measure: async (form, passes) => {
      child.stdin.write(`${FORMS[form]} ${passes}\n`);
      const line = await lines.next();
      if (line.done) throw new Error(`bench: ${program} ended`);
      return JSON.parse(line.value) as Measured;
    },
    stop: () => child.stdin.end(),
  };
}
