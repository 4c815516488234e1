// Builds the table's core as C whose memory accesses are steps (test/model/native), and runs all
// interleavings of a scenario on it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';
import { plantSources } from '../planted/core.ts';
import type { Change } from '../planted/mistakes.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NATIVE = join(ROOT, 'test/model/native');
// without the parsers, which touch nothing that threads share
const ENTRY =
  "export { forward, lookup, insert, update, remove, releaseOwner, sweep } from './index';\n";
const FIRST_FUNCTION = /^static \w+ w2c_core_f0\(/m;

/** One call of a thread as an outcome shows it. */
export interface Called {
  result: number;
  /** of each thread, how many of its calls had ended when this one began */
  before: number[];
  /** words of the memory that belong to the result */
  seen: number[];
}

export interface Ended {
  /** stuck: it waits for what never comes */
  end: 'stuck' | 'finished' | 'dead';
  /** calls that ended; one more in `calls` was under way */
  finished: number;
  calls: Called[];
}

export interface Outcome {
  threads: Ended[];
  /** the words that the scenario asked for */
  memory: number[];
  /** who made each step: a digit a thread; a letter: that thread died */
  schedule: string;
}

export interface Exploration {
  outcomes: Outcome[];
  states: number;
  steps: number;
  /** every interleaving was looked at */
  complete: boolean;
}

/** A core with these changes, ready to be explored; `remove` takes it from the disk. */
export interface Explorer {
  folder: string;
  remove(): void;
}

/** In this process, where the second core takes a third of the first one's time. */
async function assemble(entry: string, wasm: string): Promise<void> {
  const options = ['--config', join(ROOT, 'asconfig.json'), '--target', 'release', '-o', wasm];
  const { error, stderr } = await main([entry, ...options]);
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
}

export async function buildExplorer(changes: Change[] = []): Promise<Explorer> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-explorer-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const wasm = join(folder, 'core.wasm');
    const entry = join(plantSources(ROOT, folder, changes), 'explored.ts');
    writeFileSync(entry, ENTRY);
    await assemble(entry, wasm);
    const translated = join(folder, 'translated');
    mkdirSync(translated);
    const wasm2c = join(ROOT, 'node_modules/wabt/bin/wasm2c');
    const words = [wasm2c, '--enable-threads', wasm, '-n', 'core'];
    execFileSync(process.execPath, [...words, '-o', join(translated, 'core.c')]);
    const text = readFileSync(join(translated, 'core.c'), 'utf8');
    const core = join(folder, 'core.c');
    // what stands before the functions is wasm2c's way to the memory: steps.h takes its place
    writeFileSync(core, `#include "steps.h"\n${text.slice(text.search(FIRST_FUNCTION))}`);
    const sources = [core, join(NATIVE, 'steps.c'), join(NATIVE, 'search.c')];
    const flags = ['-O1', '-w', '-U_FORTIFY_SOURCE', `-I${NATIVE}`, `-I${translated}`];
    const binary = join(folder, 'explore');
    execFileSync('gcc', [...flags, ...sources, '-lm', '-o', binary], { stdio: 'inherit' });
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Throws when the explorer itself fails, or takes longer than `limitMs`. */
export function explore(
  explorer: Explorer,
  image: Uint8Array,
  scenario: string,
  limitMs: number,
): Exploration {
  const imageFile = join(explorer.folder, 'memory.image');
  const file = join(explorer.folder, 'scenario');
  writeFileSync(imageFile, image);
  writeFileSync(file, `image ${imageFile}\n${scenario}\n`);
  const output = execFileSync(join(explorer.folder, 'explore'), [file], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  const lines = output.trimEnd().split('\n');
  const [, states, steps, , cutOff] = lines.pop()!.split(' ');
  const outcomes: Outcome[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    outcomes.push(parseOutcome(lines[at]!, lines[at + 1]!.slice('p '.length)));
  }
  return { outcomes, states: Number(states), steps: Number(steps), complete: cutOff === '0' };
}

const ENDS = { s: 'stuck', f: 'finished', d: 'dead' } as const;

function parseOutcome(line: string, schedule: string): Outcome {
  const [threadText, memoryText] = line.slice('o '.length).split(' m');
  const threads: Ended[] = [];
  for (const word of threadText!.split(' ')) {
    const end = ENDS[word[0] as keyof typeof ENDS];
    if (end !== undefined && !word.includes(',')) {
      threads.push({ end, finished: Number(word.slice(1)), calls: [] });
      continue;
    }
    const [head, ...seen] = word.split(':');
    const [result, ...before] = head!.split(',');
    const called = {
      result: Number.parseInt(result!, 16),
      before: before.map(Number),
      seen: seen.map((text) => Number.parseInt(text, 16)),
    };
    threads.at(-1)!.calls.push(called);
  }
  const memory = memoryText!.trim().split(' ');
  return { threads, memory: memory.map((text) => Number.parseInt(text, 16)), schedule };
}
