/** A run of bytes inside what was parsed: [from, to). */
export interface Range {
  from: number;
  to: number;
}

/** Fields that a parser of the core wrote at `out`, about `bytes`. Valid until the next parse. */
export abstract class Parsed {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #out: number;

  constructor(bytes: Uint8Array, view: DataView, out: number) {
    this.bytes = bytes;
    this.#view = view;
    this.#out = out;
  }

  /** The fields of a range: its offset, and its length, u16 each. */
  protected range(offset: number, length: number): Range {
    const from = this.u16(offset);
    return { from, to: from + this.u16(length) };
  }

  /** The first `size` bytes of the fields, which outlive the next parse when they are read from there. */
  protected copy(size: number): DataView {
    const from = this.#view.byteOffset + this.#out;
    return new DataView(this.#view.buffer.slice(from, from + size));
  }

  protected u16(field: number): number {
    return this.#view.getUint16(this.#out + field, true);
  }

  protected u32(field: number): number {
    return this.#view.getUint32(this.#out + field, true);
  }

  protected f64(field: number): number {
    return this.#view.getFloat64(this.#out + field, true);
  }
}
