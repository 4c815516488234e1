// The lab's reproducible stream: word i (32 bits, little endian, counted from 0) is i * 0x9e3779b1 mod 2^32.
// The factor is odd, so no word repeats within 16 GiB: a lost, doubled or moved piece is always seen.

const FACTOR = 0x9e3779b1;
const CHUNK = 1 << 20;

/** Bytes of the stream from `offset` (a multiple of 4) on; `length` of them. */
export function streamBytes(offset: number, length: number): Buffer {
  if (offset % 4 !== 0) throw new RangeError(`stream offset ${offset} is no multiple of 4`);
  const words = new Uint32Array(Math.ceil(length / 4));
  const first = offset / 4;
  for (let index = 0; index < words.length; index++) {
    words[index] = Math.imul(first + index, FACTOR);
  }
  return Buffer.from(words.buffer, 0, length);
}

/** The first `length` bytes in pieces of at most 1 MiB. */
export function* streamChunks(length: number): Generator<Buffer> {
  for (let offset = 0; offset < length; offset += CHUNK) {
    yield streamBytes(offset, Math.min(CHUNK, length - offset));
  }
}
