// The fuzzer on a core, or a decoder of frames, with a mistake in it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plantCore } from '../planted/core.ts';
import type { FuzzMistake } from '../planted/fuzz-mistakes.ts';
import { bundle } from '../planted/planting.ts';
import type { FrameOutcome } from './frames.ts';
import { fuzz } from './fuzz.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MESSAGE = /not so: .*|trap \d+|deadly signal|slow: .*/;

/** What the fuzzer said within `runs` runs; '' when it found nothing. */
export async function foundBy(mistake: FuzzMistake, runs: number, seed: number): Promise<string> {
  if (mistake.target === 'frame') return foundInFrames(mistake, runs, seed);
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-planted-'));
  try {
    const wasm = join(folder, 'core-single.wasm');
    await plantCore(ROOT, folder, mistake.changes, 'single', wasm);
    const { failure } = await fuzz(mistake.target, runs, seed, { wasm, folder });
    return failure === '' ? '' : (MESSAGE.exec(failure)?.[0] ?? failure);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function foundInFrames(mistake: FuzzMistake, runs: number, seed: number): Promise<string> {
  // below build/, where it finds what it imports
  const folder = mkdtempSync(join(ROOT, 'build/planted-frames-'));
  try {
    const program = join(folder, 'program.mjs');
    await bundle(ROOT, 'test/planted/frames.ts', program, mistake.changes);
    const words = [program, String(seed), String(runs)];
    const outcome = JSON.parse(
      execFileSync(process.execPath, words, { encoding: 'utf8' }),
    ) as FrameOutcome;
    return outcome.wrong[0]?.split('\n')[0] ?? '';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
