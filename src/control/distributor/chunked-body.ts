const CR = 13;
const LF = 10;
const SPACE = 32;
const SEMICOLON = 59;
/** Of a size: no chunk is as long as 2^52 bytes. */
const DIGITS = 13;

type Place =
  | 'size'
  | 'extension'
  | 'size end'
  | 'chunk'
  | 'chunk cr'
  | 'chunk lf'
  | 'trailer'
  | 'trailer text'
  | 'trailer lf'
  | 'end'
  | 'complete'
  | 'odd';

/**
 * Where a chunked request body ends (RFC 9112 section 7.1), read in any pieces. As strict as the parser
 * of heads, since the server reads the same bytes with another one.
 */
export class ChunkedBody {
  #place: Place = 'size';
  #digits = 0;
  /** of the chunk, or its size as far as it was read */
  #count = 0;

  /** Bytes of the chunk under way, which need not be read. */
  get left(): number {
    return this.#place === 'chunk' ? this.#count : 0;
  }

  get isComplete(): boolean {
    return this.#place === 'complete';
  }

  /** Servers may disagree about where it ends. */
  get isOdd(): boolean {
    return this.#place === 'odd';
  }

  /** Reads the bytes that follow those before; returns how many of them belong to the body. */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.isComplete && !this.isOdd) {
      if (this.#place === 'chunk') {
        const count = Math.min(this.#count, bytes.length - at);
        this.pass(count);
        at += count;
      } else {
        this.#place = this.#next(bytes[at]!);
        at += 1;
      }
    }
    return at;
  }

  /** The next `count` bytes of the chunk went by. */
  pass(count: number): void {
    this.#count -= count;
    if (this.#count === 0) this.#place = 'chunk cr';
  }

  #next(byte: number): Place {
    if (this.#place === 'size') return this.#size(byte);
    if (this.#place === 'extension' || this.#place === 'trailer text') {
      if (byte === CR) return this.#place === 'extension' ? 'size end' : 'trailer lf';
      return byte === LF || byte === 0 ? 'odd' : this.#place;
    }
    if (this.#place === 'trailer') {
      if (byte === CR) return 'end';
      return byte === LF || byte <= SPACE ? 'odd' : 'trailer text';
    }
    if (this.#place === 'chunk cr') return byte === CR ? 'chunk lf' : 'odd';
    if (byte !== LF) return 'odd';
    if (this.#place === 'chunk lf') return 'size';
    if (this.#place === 'trailer lf') return 'trailer';
    if (this.#place === 'end') return 'complete';
    this.#digits = 0;
    return this.#count === 0 ? 'trailer' : 'chunk';
  }

  #size(byte: number): Place {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#count = this.#count * 16 + digit;
      this.#digits += 1;
      return this.#digits > DIGITS ? 'odd' : 'size';
    }
    if (this.#digits === 0) return 'odd';
    if (byte === CR) return 'size end';
    return byte === SEMICOLON ? 'extension' : 'odd';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
