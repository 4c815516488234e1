// src/beside.ts of the standalone binary: what stands there beside the program is a part of this one file.
import { getAsset } from 'node:sea';
import type { StartedProgram } from '../beside.ts';

/** The package's, put in by the build. */
declare const BATON_VERSION: string;

export function readCore(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Promise.resolve(new Uint8Array(getAsset(name)));
}

/** The threads' entry has its task built in: the pool only needs a name that is absolute. */
export function workerEntry(): string {
  return '/worker';
}

/** The binary starts as another program by its first argument (main.ts). */
export function startWords(program: StartedProgram): string[] {
  return program === 'baton' ? [process.execPath] : [process.execPath, program];
}

export function ownWords(): string[] {
  return [process.execPath, ...process.argv.slice(2)];
}

export function programVersion(): string {
  return BATON_VERSION;
}
