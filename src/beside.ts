// What stands beside the program: the core, the worker threads' entry, the programs that the lab starts.
// Here they are files of the folder that the program was built into. The standalone binary has
// src/binary/beside.ts in this one's place: there they are parts of the one file.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What is started as a process of its own. */
export type StartedProgram = 'baton' | 'lab-inside' | 'lab-mortal';

function beside(name: string): URL {
  return new URL(`./${name}`, import.meta.url);
}

/** Bytes of a build of the core: `core.wasm`, `core-single.wasm`, `core-debug.wasm`. */
export async function readCore(name: string): Promise<Uint8Array<ArrayBuffer>> {
  // not at the top: hosts without files can import the library, too, and compile the core themselves
  const { readFile } = await import('node:fs/promises');
  return readFile(beside(name));
}

/** What a worker thread runs, as a name for the pool. */
export function workerEntry(): string {
  return beside('worker.mjs').href;
}

/** The words that start a program; its arguments go behind them. */
export function startWords(program: StartedProgram): string[] {
  return [process.execPath, '--enable-source-maps', fileURLToPath(beside(`${program}.mjs`))];
}

/** The words that start this process once more, with the arguments that it has. */
export function ownWords(): string[] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
}

export function programVersion(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
