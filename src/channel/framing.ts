// Cuts a byte stream into frames, whatever pieces it arrives in.
import { FRAME_HEADER, FRAME_LIMIT } from './wire.ts';

/**
 * Keeps at most one frame: no memory is taken for a length that a peer only claims.
 * After an error nothing more comes out.
 */
export class FrameCutter {
  #kept = new Uint8Array(1024);
  #length = 0;
  #error: string | undefined;

  /** Why the stream is no longer understood. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Calls `take` for every frame that is complete now. A frame is valid during the call only. */
  push(chunk: Uint8Array, take: (frame: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length && this.#error === undefined) {
      if (this.#length === 0) {
        const size = this.#sizeOf(chunk.subarray(at));
        if (size > 0 && size <= chunk.length - at) {
          take(chunk.subarray(at, at + size));
          at += size;
          continue;
        }
        if (this.#error !== undefined) return;
      }
      at += this.#keep(chunk, at, take);
    }
  }

  /** Moves bytes of the chunk towards the kept frame's end: how many. */
  #keep(chunk: Uint8Array, at: number, take: (frame: Uint8Array) => void): number {
    const size = this.#sizeOf(this.#kept.subarray(0, this.#length));
    const wanted = (size > 0 ? size : FRAME_HEADER) - this.#length;
    const count = Math.min(wanted, chunk.length - at);
    this.#reserve(this.#length + count);
    this.#kept.set(chunk.subarray(at, at + count), this.#length);
    this.#length += count;
    const known = this.#sizeOf(this.#kept.subarray(0, this.#length));
    if (known > 0 && known === this.#length) {
      this.#length = 0;
      take(this.#kept.subarray(0, known));
    }
    return count;
  }

  #reserve(length: number): void {
    if (length <= this.#kept.length) return;
    const larger = new Uint8Array(Math.max(length, this.#kept.length * 2));
    larger.set(this.#kept.subarray(0, this.#length));
    this.#kept = larger;
  }

  /** Size of the frame that begins here, 0 = not known yet or refused. */
  #sizeOf(bytes: Uint8Array): number {
    if (bytes.length < 4) return 0;
    const size = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    if (size >= FRAME_HEADER && size <= FRAME_LIMIT) return size;
    this.#error = `a frame length of ${size}, allowed are ${FRAME_HEADER} to ${FRAME_LIMIT}`;
    return 0;
  }
}
