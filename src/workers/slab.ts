const SLAB_BYTES = 8192;
const LARGEST = SLAB_BYTES / 4;

/** Copies small pieces into larger buffers: a buffer of its own for each costs more than its bytes do. */
export class Slab {
  #bytes = new Uint8Array(SLAB_BYTES);
  #used = 0;

  /** A copy of these bytes that shares its buffer with others, and keeps all of it alive. */
  copy(source: Uint8Array, from: number, to: number): Uint8Array {
    const length = to - from;
    if (length > LARGEST) return source.slice(from, to);
    if (this.#used + length > SLAB_BYTES) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const piece = this.#bytes.subarray(this.#used, this.#used + length);
    this.#used += length;
    piece.set(source.subarray(from, to));
    return piece;
  }
}
