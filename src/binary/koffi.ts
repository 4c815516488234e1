// The package koffi in the standalone binary: its native part, which only the kernel can load, and only
// from a file. Whoever can change that file has our rights, and its owner is the user who started us, who
// may have fewer (setcap). So the file has no name: nobody else can open it, and nothing can be left behind.
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getAsset } from 'node:sea';
import { readCapabilities } from '../packet-io/capability-sets.ts';

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY; // open(2)
const MODE = 0o500;

/** Folders for that file: the first may be mounted noexec, or read-only. */
function folders(): string[] {
  const own = process.env['XDG_RUNTIME_DIR'];
  return [tmpdir(), ...(own ? [own] : []), '/run', '/dev/shm', '/var/tmp'];
}

function loadFile(file: string): object {
  const loaded = { exports: {} };
  process.dlopen(loaded, file);
  return loaded.exports;
}

function loadNameless(folder: string): object {
  const fd = openSync(folder, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, MODE);
  try {
    writeFileSync(fd, new Uint8Array(getAsset('koffi.node')));
    return loadFile(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function loadNamed(folder: string): object {
  const place = mkdtempSync(join(folder, 'baton-'));
  try {
    const file = join(place, 'koffi.node');
    writeFileSync(file, new Uint8Array(getAsset('koffi.node')), { mode: MODE });
    return loadFile(file);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** The user who started us has every right that we have, so that he gains none by changing a file of ours. */
function hasOurRights(): boolean {
  if (process.getuid?.() === 0) return true;
  const { permitted, ambient } = readCapabilities(readFileSync('/proc/self/status', 'utf8'));
  return (permitted & ~ambient) === 0n;
}

function load(): object {
  const refusals: string[] = [];
  // file systems that know no nameless files are old overlays, as in containers
  const ways = hasOurRights() ? [loadNameless, loadNamed] : [loadNameless];
  for (const way of ways) {
    for (const folder of folders()) {
      try {
        return way(folder);
      } catch (error) {
        refusals.push(`${folder}: ${(error as Error).message}`);
      }
    }
  }
  throw new Error(
    `no folder to load a library from: ${refusals.join('; ')} (set TMPDIR to one that is not mounted noexec)`,
  );
}

export default load();
