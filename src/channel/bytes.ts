// Bounded reading and growing writing of a frame's body. The reader never throws and never reads
// past its end.
import { STRING_LIMIT } from './wire.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** True when a terminal or a log line could be disturbed by the text. */
export function hasControlCharacters(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}

export class ByteReader {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, from: number) {
    // a Buffer's slice() would share memory
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
  }

  /** Bytes not taken yet. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** Takes `size` bytes: their offset, or -1 when there are fewer. */
  take(size: number): number {
    if (size > this.left) return -1;
    const at = this.#at;
    this.#at += size;
    return at;
  }

  /** Takes `size` bytes as a copy. */
  copy(size: number): Uint8Array | undefined {
    const at = this.take(size);
    return at < 0 ? undefined : this.bytes.slice(at, at + size);
  }

  /** Takes a string; undefined when it is cut, not UTF-8 or holds control characters. */
  string(): string | undefined {
    const length = this.take(1);
    if (length < 0) return undefined;
    const at = this.take(this.bytes[length] ?? 0);
    if (at < 0) return undefined;
    try {
      const text = utf8.decode(this.bytes.subarray(at, this.#at));
      return hasControlCharacters(text) ? undefined : text;
    } catch {
      return undefined;
    }
  }
}

export class ByteWriter {
  view: DataView;
  bytes: Uint8Array;
  #length = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Appends `size` zero bytes: their offset. `view` and `bytes` may be new ones afterwards. */
  add(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  append(bytes: Uint8Array): void {
    const at = this.add(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** Throws RangeError when the text is longer than 255 bytes. */
  string(text: string): void {
    const encoded = new TextEncoder().encode(text);
    if (encoded.length > STRING_LIMIT) {
      throw new RangeError(`control message: "${text.slice(0, 40)}..." is longer than 255 bytes`);
    }
    const at = this.add(1);
    this.bytes[at] = encoded.length;
    this.append(encoded);
  }

  /** What was written, without the room behind it. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.#length);
  }
}
