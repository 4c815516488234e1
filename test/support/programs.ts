import { fileURLToPath } from 'node:url';

/** Where a program of test/programs was built to. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`./programs-${name}.mjs`, import.meta.url));
}
