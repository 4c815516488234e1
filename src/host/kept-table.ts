// An agent's table in a file: mapped under the shared memory, so that what the table holds at any moment
// is what the next process finds, however this one ended.
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import * as L from '../../assembly/layout.ts';
import type { AgentNames, FormerRun, FormerTable } from '../agent/former.ts';
import * as libc from '../packet-io/libc.ts';
import { mapOver } from '../packet-io/mapping.ts';

// sys/mman.h, sys/file.h
const LOCK_EXCLUSIVE_NOW = 2 | 4;

/** In front of the table: the memory's header record, which says where everything is, and the boot. */
const PREFIX_SIZE = 65536;
const BOOT_ID = 4096;
const BOOT_ID_SIZE = 36;

/** Deadlines in the table are of the monotonic clock, which begins anew at each boot. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, BOOT_ID_SIZE);
}

/** The file that a host's agent keeps its table in, and the one with the names in it. */
export class KeptTable {
  readonly #file: string;
  readonly #namesFile: string;
  readonly #fds: number[] = [];
  #names = '';

  /** Makes the folder. Throws when another process keeps its table there. */
  constructor(folder: string, name: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#file = join(folder, `${name}.table`);
    this.#namesFile = join(folder, `${name}.names.json`);
    const lockFile = join(folder, `${name}.lock`);
    const lock = openSync(lockFile, 'a', 0o600);
    this.#fds.push(lock);
    if (libc.flock(lock, LOCK_EXCLUSIVE_NOW) === 0) return;
    this.close();
    throw new Error(`${lockFile}: another agent keeps its connections there`);
  }

  /** What an earlier run left; undefined when there is nothing that this one can take over. */
  read(): FormerRun | undefined {
    try {
      const image = readFileSync(this.#file);
      const names = JSON.parse(readFileSync(this.#namesFile, 'utf8')) as AgentNames;
      const table = tableOf(image);
      return table && { names, table };
    } catch {
      return undefined; // the first start, or what was left is not whole
    }
  }

  /**
   * Puts the table of a memory, whose header is written and whose table is still empty, into a new
   * file. Until commit() a next run finds the former one. `end`: of the table, a multiple of 4096; what
   * lies behind it stays ordinary memory, as the kernel takes no pages of a file for a device's frames.
   */
  map(memory: WebAssembly.Memory, end = memory.buffer.byteLength): void {
    const bytes = new Uint8Array(memory.buffer);
    const base = new DataView(memory.buffer).getUint32(L.HEADER_BUCKET_BASE, true);
    const length = end - base;
    const fd = openSync(this.#newFile, 'w+', 0o600);
    this.#fds.push(fd);
    ftruncateSync(fd, PREFIX_SIZE + length);
    writeSync(fd, bytes.slice(0, L.HEADER_SIZE), 0, L.HEADER_SIZE, 0);
    writeSync(fd, bootId(), BOOT_ID);
    const address = libc.addressOf(bytes) + base;
    const why = mapOver(address, length, { fd, offset: PREFIX_SIZE });
    if (why !== undefined) throw new Error(`cannot map ${this.#newFile}: ${why}`);
  }

  get #newFile(): string {
    return `${this.#file}.new`;
  }

  /** From here on a next run finds this one's table, and these names. */
  commit(names: AgentNames): void {
    this.writeNames(names);
    renameSync(this.#newFile, this.#file);
  }

  /** Written whole or not at all; nothing is written when nothing changed. */
  writeNames(names: AgentNames): void {
    const text = JSON.stringify(names);
    if (text === this.#names) return;
    writeFileSync(`${this.#namesFile}.new`, text, { mode: 0o600 });
    renameSync(`${this.#namesFile}.new`, this.#namesFile);
    this.#names = text;
  }

  /** The files stay. */
  close(): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd);
  }
}

/** The parts of a file's table; undefined when it is of another layout or boot. */
function tableOf(image: Uint8Array): FormerTable | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const u32 = (field: number): number => view.getUint32(field, true);
  const boot = Buffer.from(image.subarray(BOOT_ID, BOOT_ID + BOOT_ID_SIZE)).toString();
  if (u32(L.HEADER_LAYOUT_VERSION) !== L.LAYOUT_VERSION || boot !== bootId()) return undefined;
  const part = (base: number, size: number): Uint8Array => {
    const at = PREFIX_SIZE + base - u32(L.HEADER_BUCKET_BASE);
    return image.subarray(at, at + size);
  };
  const count = u32(L.HEADER_ENTRY_COUNT);
  return {
    buckets: part(u32(L.HEADER_BUCKET_BASE), u32(L.HEADER_BUCKET_COUNT) * L.BUCKET_SIZE),
    entries: part(u32(L.HEADER_ENTRY_BASE), count * L.ENTRY_SIZE),
    records: part(u32(L.HEADER_RECORD_BASE), count * L.RECORD_SIZE),
  };
}
