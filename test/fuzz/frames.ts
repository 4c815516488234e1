// Control frames, damaged in every way, through the decoder and through the cutter of streams.
import * as fc from 'fast-check';
import { decodeFrame, encodeFrame } from '../../src/channel/codec.ts';
import { FrameCutter } from '../../src/channel/framing.ts';
import { mutate, withTrueLength } from '../hostile/mutate.ts';
import { anyMessage, examples } from '../support/messages.ts';
import type { Random } from '../../src/lab/random.ts';

const LIMIT_MS = 10;
const TRIES = 3;

export interface FrameOutcome {
  runs: number;
  /** frames that were messages */
  understood: number;
  /** throws, differences and runs over 10 ms of CPU time */
  wrong: string[];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What is wrong with how a frame is read; '' when nothing is. */
function fault(frame: Uint8Array): 'refused' | 'understood' | string {
  const decoded = decodeFrame(frame);
  if ('error' in decoded) return 'refused';
  const again = encodeFrame(decoded.message, decoded.number, decoded.received);
  const second = decodeFrame(again);
  if ('error' in second) return `is refused when written: ${hex(frame)}`;
  const third = encodeFrame(second.message, second.number, second.received);
  if (Buffer.compare(third, again) !== 0) return `differs when written: ${hex(frame)}`;
  return 'understood';
}

/** A stream cut at a place: all its frames, whatever the pieces. */
function cut(frame: Uint8Array, at: number): void {
  const cutter = new FrameCutter();
  let frames = 0;
  const take = (): void => void (frames += 1);
  cutter.push(frame.subarray(0, at), take);
  cutter.push(frame.subarray(at), take);
  if (frames > frame.length) throw new Error('more frames than bytes');
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The collector and other threads are not the frame's: only what is slow three times is. */
function isSlow(frame: Uint8Array): boolean {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (cpuMs(() => fault(frame)) < LIMIT_MS) return false;
  }
  return true;
}

export function fuzzFrames(random: Random, runs: number): FrameOutcome {
  const outcome: FrameOutcome = { runs: 0, understood: 0, wrong: [] };
  const messages = [
    ...Object.values(examples),
    ...fc.sample(anyMessage, { numRuns: 300, seed: random.next() | 0 }),
  ];
  const seeds = messages.map((message) => encodeFrame(message, random.next(), random.next()));
  while (outcome.runs < runs && outcome.wrong.length < 5) {
    const frame = mutate(random, random.pick(seeds), random.pick(seeds));
    if (random.chance(0.9)) withTrueLength(frame);
    outcome.runs += 1;
    const before = performance.now();
    try {
      const found = fault(frame);
      if (found === 'understood') {
        outcome.understood += 1;
        // a mutant that is a message is a seed too
        if (frame.length < 4096) seeds[random.below(seeds.length)] = frame;
      } else if (found !== 'refused') outcome.wrong.push(found);
      if (outcome.runs % 16 === 0) cut(frame, random.below(frame.length + 1));
      if (performance.now() - before > LIMIT_MS && isSlow(frame)) {
        outcome.wrong.push(`${hex(frame)}: more than ${LIMIT_MS} ms`);
      }
    } catch (error) {
      outcome.wrong.push(`${hex(frame)}: ${(error as Error).stack}`);
    }
  }
  return outcome;
}
