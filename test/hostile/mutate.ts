import { FRAME_LENGTH } from '../../src/channel/wire.ts';
import type { Random } from '../../src/lab/random.ts';

const INTERESTING = [0, 1, 2, 7, 15, 16, 127, 128, 254, 255];

/** A damaged copy: bytes changed, cut out, put in, repeated or exchanged with those of another. */
export function mutate(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let rounds = random.between(1, 4); rounds > 0; rounds -= 1) {
    mutated = mutateOnce(random, mutated, other);
  }
  return mutated;
}

function mutateOnce(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const way = random.below(7);
  if (way === 0) return joined(bytes.subarray(0, at), bytes.subarray(at + random.below(9)));
  if (way === 1) {
    return joined(bytes.subarray(0, at), random.bytes(random.between(1, 8)), bytes.subarray(at));
  }
  if (way === 2) return joined(bytes.subarray(0, at), other.subarray(at));
  if (way === 3) return joined(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 8)));
  const changed = bytes.slice();
  if (at >= changed.length) return changed;
  if (way === 4) changed[at] = changed[at]! ^ (1 << random.below(8));
  else if (way === 5) changed[at] = random.pick(INTERESTING);
  else changed.set(random.bytes(Math.min(random.between(1, 4), changed.length - at)), at);
  return changed;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Makes a frame's length field true, so that what is behind it is looked at. */
export function withTrueLength(frame: Uint8Array): Uint8Array {
  if (frame.length >= FRAME_LENGTH + 4) {
    new DataView(frame.buffer, frame.byteOffset).setUint32(FRAME_LENGTH, frame.length);
  }
  return frame;
}
