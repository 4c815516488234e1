// The rival: bench/rivals/core.c, compiled on the spot by each compiler that there is.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STRIDE, type Load } from './load.ts';

export interface Measured {
  /** nanoseconds per packet */
  ns: number;
  digest: number;
}

export interface Rival {
  /** compiler and form */
  name: string;
  /** One round over the packets of `load`, whose memory is in the file `image`. */
  measure(image: string, load: Load): Measured;
}

/** How the C program goes through the packets -> its argument (bench/rivals/core.c). */
const FORMS = { scalar: 0, 'batches of 64': 64, 'stages of 256': -256 };

function isInstalled(compiler: string): boolean {
  return spawnSync(compiler, ['--version']).status === 0;
}

/** Compiles into `folder`. Throws when there is no compiler at all. */
export function compileRivals(folder: string): Rival[] {
  const source = fileURLToPath(new URL('../bench/rivals/core.c', import.meta.url));
  const compilers = ['gcc', 'clang'].filter(isInstalled);
  if (compilers.length === 0) throw new Error('bench: neither gcc nor clang is installed');
  return compilers.flatMap((compiler) => {
    const program = join(folder, `core-${compiler}`);
    execFileSync(compiler, ['-O3', '-march=native', '-o', program, source]);
    return Object.entries(FORMS).map(([form, batch]) => ({
      name: `${compiler} ${form}`,
      measure: (image: string, { base, packets }: Load): Measured => {
        const args = [image, base, STRIDE, packets, 1, batch].map(String);
        return JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as Measured;
      },
    }));
  });
}
