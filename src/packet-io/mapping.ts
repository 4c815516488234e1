// Parts of the Wasm memory that are a file, or a socket's rings, in place of ordinary memory.
import * as libc from './libc.ts';

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;

export interface FilePart {
  fd: number;
  /** bytes into the file, a multiple of the page */
  offset?: number;
  /** all pages are there at once */
  isPopulated?: boolean;
}

/** Maps a file over `bytes` bytes of the memory from `address` on. Returns the error's name, or undefined. */
export function mapOver(address: number, bytes: number, part: FilePart): string | undefined {
  const { fd, offset = 0, isPopulated = false } = part;
  const flags = MAP_SHARED | MAP_FIXED | (isPopulated ? MAP_POPULATE : 0);
  if (libc.mmap(address, bytes, PROT_READ_WRITE, flags, fd, offset) === address) return undefined;
  const why = libc.errnoName(libc.errno());
  unmap(address, bytes);
  return why;
}

/** Ordinary memory again: a hole in the Wasm memory could be given to somebody else. */
export function unmap(address: number, bytes: number): void {
  const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
  if (libc.mmap(address, bytes, PROT_READ_WRITE, flags, -1, 0) === address) return;
  process.abort(); // the memory has a hole, and nothing can close it
}
