const STAR = 0x2a;

/** ASCII letters to lower case, other bytes as they are. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}

/** A pattern over bytes in which `*` stands for any run of bytes, also an empty one. */
export class Pattern {
  private readonly pattern: Uint8Array;
  private readonly ignoreCase: boolean;

  constructor(text: string, ignoreCase = false) {
    this.pattern = new TextEncoder().encode(ignoreCase ? text.toLowerCase() : text);
    this.ignoreCase = ignoreCase;
  }

  /** Whether all of bytes[from, to) matches; only the last star seen is tried again. */
  matches(bytes: Uint8Array, from: number, to: number): boolean {
    const { pattern } = this;
    let at = from;
    let next = 0;
    let starNext = -1;
    let starAt = from;
    while (at < to) {
      if (next < pattern.length && pattern[next] === STAR) {
        starNext = next + 1;
        starAt = at;
        next += 1;
      } else if (next < pattern.length && pattern[next] === this.byte(bytes, at)) {
        next += 1;
        at += 1;
      } else if (starNext >= 0) {
        starAt += 1;
        at = starAt;
        next = starNext;
      } else {
        return false;
      }
    }
    while (next < pattern.length && pattern[next] === STAR) next += 1;
    return next === pattern.length;
  }

  private byte(bytes: Uint8Array, at: number): number {
    return this.ignoreCase ? lowerCase(bytes[at]!) : bytes[at]!;
  }
}
