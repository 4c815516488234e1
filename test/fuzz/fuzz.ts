// Builds the fuzz targets (the single-thread core through wasm2c, libFuzzer of clang) and runs them.
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCore } from '../../src/core.ts';
import { COOKIE_SEEDS, HEAD_SEEDS, HELLO_SEEDS, memoryImage, packetSeeds } from './images.ts';

const BUILD = fileURLToPath(new URL('.', import.meta.url));
const ROOT = join(BUILD, '..');
const SOURCES = join(ROOT, 'test/fuzz/native');
/** wasm2c's, as it is shown to who embeds the core */
const RUNTIME = join(ROOT, 'examples/native');
const CORPUS = join(ROOT, 'test/fuzz/corpus');
const WORK = join(BUILD, 'fuzz');

interface Plan {
  seeds: Uint8Array[];
  /** bytes, most */
  longest: number;
}

const PLANS: Record<string, Plan> = {
  packet: { seeds: packetSeeds(), longest: 4096 },
  head: { seeds: HEAD_SEEDS, longest: 2048 },
  cookie: { seeds: COOKIE_SEEDS, longest: 64 },
  hello: { seeds: HELLO_SEEDS, longest: 2048 },
};

/** What each target calls; one whose export the core does not have is left out. */
const CALLS: Record<string, string> = { hello: 'parseHello' };

export async function targets(): Promise<string[]> {
  const names = WebAssembly.Module.exports(await compileCore('single')).map(({ name }) => name);
  return Object.keys(PLANS).filter((target) => names.includes(CALLS[target] ?? 'forward'));
}

export interface FuzzOutcome {
  runs: number;
  perSecond: number;
  /** edges of the core that were reached */
  covered: number;
  /** crashes, traps, broken checks, runs over 10 ms: what libFuzzer printed; empty without one */
  failure: string;
}

function newest(...files: string[]): number {
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

/** A single-thread core, and where what is made of it and found in it lies. */
interface FuzzedCore {
  wasm: string;
  folder: string;
}

const BUILT: FuzzedCore = { wasm: join(BUILD, 'core-single.wasm'), folder: WORK };

/** Compiles a target unless it is newer than its sources. */
function compile(name: string, { wasm, folder }: FuzzedCore = BUILT): string {
  const binary = join(folder, name);
  const sources = readdirSync(SOURCES).map((file) => join(SOURCES, file));
  if (existsSync(binary) && statSync(binary).mtimeMs > newest(wasm, ...sources)) return binary;
  const wasm2c = join(ROOT, 'node_modules/wabt/bin/wasm2c');
  execFileSync(process.execPath, [wasm2c, wasm, '-n', 'core', '-o', join(folder, 'core.c')]);
  const flags = [
    '-O2',
    '-w',
    '-fsanitize=fuzzer',
    `-I${folder}`,
    `-I${SOURCES}`,
    `-I${RUNTIME}`,
    `-I${BUILD}`,
  ];
  const files = [join(SOURCES, `${name}.c`), join(folder, 'core.c')];
  execFileSync('clang', [...flags, ...files, '-lm', '-o', binary], { stdio: 'inherit' });
  return binary;
}

/** What all targets need; comes back with the environment that they want. */
async function prepare(): Promise<Record<string, string>> {
  mkdirSync(WORK, { recursive: true });
  const environment: Record<string, string> = {};
  for (const role of ['switch', 'agent'] as const) {
    const file = join(WORK, `${role}.image`);
    writeFileSync(file, await memoryImage(role));
    environment[`FUZZ_${role.toUpperCase()}`] = file;
  }
  return environment;
}

function writeSeeds(name: string, seeds: Uint8Array[]): string {
  const folder = join(WORK, `${name}-seeds`);
  mkdirSync(folder, { recursive: true });
  for (const [index, seed] of seeds.entries()) writeFileSync(join(folder, String(index)), seed);
  return folder;
}

function command(binary: string, args: string[], environment: Record<string, string>) {
  return new Promise<{ status: number | null; output: string }>((resolve, reject) => {
    const env = { ...process.env, ...environment };
    const child = spawn(binary, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/**
 * Runs a target that many times from its corpus; what it finds new stays in build/fuzz. The seed decides
 * everything.
 */
export async function fuzz(
  name: string,
  runs: number,
  seed: number,
  core: FuzzedCore = BUILT,
): Promise<FuzzOutcome> {
  const environment = await prepare();
  const plan = PLANS[name]!;
  const binary = compile(name, core);
  const found = join(core.folder, `${name}-found`);
  mkdirSync(found, { recursive: true });
  const folders = [found, writeSeeds(name, plan.seeds), keptSeeds(name)];
  const args = [
    `-runs=${runs}`,
    `-seed=${seed}`,
    `-max_len=${plan.longest}`,
    '-timeout=10',
    '-len_control=20',
    '-print_final_stats=1',
    `-artifact_prefix=${core.folder}/${name}-`,
    ...folders,
  ];
  const { status, output } = await command(binary, args, environment);
  const figure = (label: string): number =>
    Number(new RegExp(`stat::${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
  return {
    runs: figure('number_of_executed_units'),
    perSecond: figure('average_exec_per_sec'),
    covered: Number([...output.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? 0),
    failure: status === 0 ? '' : output.slice(-2000),
  };
}

/** The least set of inputs that reaches what was ever reached goes to test/fuzz/corpus, one a line. */
export async function minimise(name: string): Promise<number> {
  const environment = await prepare();
  const least = join(WORK, `${name}-least`);
  rmSync(least, { recursive: true, force: true });
  mkdirSync(least);
  const args = ['-merge=1', least, join(WORK, `${name}-found`), keptSeeds(name)];
  await command(compile(name), args, environment);
  const inputs = readdirSync(least).map((file) => readFileSync(join(least, file), 'base64'));
  const text = inputs.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1)).join('\n');
  writeFileSync(join(CORPUS, `${name}.txt`), `${text}\n`);
  return text.length;
}

/** A folder with the inputs that the tree keeps. */
function keptSeeds(name: string): string {
  const file = join(CORPUS, `${name}.txt`);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const inputs = lines.map((line) => Uint8Array.from(Buffer.from(line, 'base64')));
  return writeSeeds(`${name}-kept`, inputs);
}
