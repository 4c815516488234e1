// The package koffi in the standalone binary: its native part, which only the kernel can load, and only
// from a file. So the file is there for as long as that takes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getAsset } from 'node:sea';

/** Folders for that file: the first may be mounted noexec, or read-only. */
function folders(): string[] {
  const own = process.env['XDG_RUNTIME_DIR'];
  return [tmpdir(), ...(own ? [own] : []), '/run', '/dev/shm', '/var/tmp', process.cwd()];
}

function loadFrom(folder: string): object {
  const place = mkdtempSync(join(folder, 'baton-'));
  try {
    const file = join(place, 'koffi.node');
    writeFileSync(file, new Uint8Array(getAsset('koffi.node')), { mode: 0o500 });
    const loaded = { exports: {} };
    process.dlopen(loaded, file);
    return loaded.exports;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function load(): object {
  const refusals: string[] = [];
  for (const folder of folders()) {
    try {
      return loadFrom(folder);
    } catch (error) {
      refusals.push(`${folder}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    `no folder to load a library from: set TMPDIR to one that is not mounted noexec (${refusals.join('; ')})`,
  );
}

export default load();
