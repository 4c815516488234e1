// The npm package as its users get it, and the programs of docs/package.md as they would write them.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface Packed {
  /** the tarball */
  file: string;
  /** what is in it */
  files: string[];
  unpackedBytes: number;
}

/** Packs the project into a folder; the build must be there. */
export function packProject(folder: string): Packed {
  execFileSync(process.execPath, [join(root, 'scripts/types.mjs')], { stdio: 'inherit' });
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const out = execFileSync('npm', words, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  const [packed] = JSON.parse(out) as {
    filename: string;
    unpackedSize: number;
    files: { path: string }[];
  }[];
  return {
    file: join(folder, packed!.filename),
    files: packed!.files.map(({ path }) => path),
    unpackedBytes: packed!.unpackedSize,
  };
}

/** The document's programs, and what it says that the first one prints. */
function documented(): { core: string; host: string; prints: string } {
  const text = readFileSync(join(root, 'docs/package.md'), 'utf8');
  const [core, host] = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block);
  const [, prints] = /^It prints\n\n```\n(.*?)^```$/ms.exec(text) ?? [];
  if (!core || !host || !prints)
    throw new Error('docs/package.md has not two programs and a print');
  return { core, host, prints };
}

export interface Embedded {
  printed: string;
  expected: string;
  /** of the program that embeds a host, started without its configuration */
  hostPrinted: string;
}

/**
 * Compiles the document's programs in a folder that has the package and @types/node, checking the
 * package's own declarations, too, and runs them. Throws with what the compiler said.
 */
export function embed(folder: string): Embedded {
  const { core, host, prints } = documented();
  writeFileSync(join(folder, 'core.ts'), core);
  writeFileSync(join(folder, 'host.ts'), host);
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
    outDir: 'out',
  };
  const project = { compilerOptions, files: ['core.ts', 'host.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project));
  const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe' } as const;
  const node = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, words, options);
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
  node(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
  return {
    printed: node('out/core.js'),
    expected: prints,
    hostPrinted: node('out/host.js', 'missing.yaml'),
  };
}
