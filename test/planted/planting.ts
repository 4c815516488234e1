import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import type { SeedsReport } from '../simulation/seeds.ts';
import { plant, plantCore } from './core.ts';
import type { Change, Mistake } from './mistakes.ts';

const run = promisify(execFile);

function isOfCore({ file }: Change): boolean {
  return file.startsWith('assembly/');
}

/** Applies changes while esbuild reads the sources; the files stay as they are. */
function planter(root: string, changes: Change[]): Plugin {
  return {
    name: 'planter',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const here = changes.filter(({ file }) => file === relative(root, path));
        if (here.length === 0) return undefined;
        const contents = here.reduce(plant, readFileSync(path, 'utf8'));
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** Bundles a program with the changes in it. */
export async function bundle(
  root: string,
  entry: string,
  outfile: string,
  changes: Change[],
): Promise<void> {
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    plugins: [planter(root, changes)],
  });
}

/**
 * Bundles the simulation with one mistake in it and runs seeds of its placement until one fails. `mistake`
 * without
 * changes: the program as it is. The bundle lies below build/ for the time of the run.
 */
export async function tryMistake(
  root: string,
  mistake: Mistake,
  seeds: number,
): Promise<SeedsReport> {
  const folder = join(root, 'build', `planted-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const ofCore = mistake.changes.filter(isOfCore);
    const core = join(folder, 'core-single.wasm');
    if (ofCore.length > 0) await plantCore(root, folder, ofCore, 'single', core);
    else cpSync(join(root, 'build/core-single.wasm'), core);
    const program = join(folder, 'program.mjs');
    await bundle(root, 'test/planted/program.ts', program, mistake.changes);
    const { stdout } = await run(
      process.execPath,
      [program, String(seeds), mistake.placement ?? 'single'],
      {
        maxBuffer: 1 << 26,
      },
    );
    return JSON.parse(stdout) as SeedsReport;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
