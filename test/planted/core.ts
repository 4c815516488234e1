import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CoreBuild } from '../../src/core.ts';
import type { Change } from './mistakes.ts';

const run = promisify(execFile);

/** The text with the change made. Throws when what it looks for is not there exactly once. */
export function plant(text: string, { file, find, replace }: Change): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(`${file}: found ${parts.length - 1} times instead of once: ${find}`);
}

/** Makes a copy of assembly/ with the changes in `folder`; returns its path. */
export function plantSources(root: string, folder: string, changes: Change[]): string {
  const copy = join(folder, 'assembly');
  cpSync(join(root, 'assembly'), copy, { recursive: true });
  for (const change of changes) {
    const file = join(folder, change.file);
    writeFileSync(file, plant(readFileSync(file, 'utf8'), change));
  }
  return copy;
}

/** Compiles a copy of assembly/ with the changes to `out`; the copy is made in `folder`. */
export async function plantCore(
  root: string,
  folder: string,
  changes: Change[],
  target: CoreBuild,
  out: string,
): Promise<void> {
  const copy = plantSources(root, folder, changes);
  const entry = join(copy, target === 'debug' ? 'debug.ts' : 'index.ts');
  const options = ['--config', join(root, 'asconfig.json'), '--target', target, '--outFile', out];
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
  await run(process.execPath, [asc, entry, ...options], { cwd: folder });
}

/** The core as a mistaken programmer would have it; nothing is left on the disk. */
export async function plantedModule(
  changes: Change[],
  target: CoreBuild,
): Promise<WebAssembly.Module> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));
  try {
    const out = join(folder, 'core.wasm');
    await plantCore(root, folder, changes, target, out);
    return await WebAssembly.compile(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
