const PERCENT = 0x25;
const SLASH = 0x2f;
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const LOWER_A = 0x61;
const CASE_BIT = 0x20;

/** The value of two hex digits at `at`, or -1. */
export function hexByte(bytes: Uint8Array, at: number, to: number): number {
  if (at + 2 > to) return -1;
  const high = hexDigit(bytes[at]!);
  const low = hexDigit(bytes[at + 1]!);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** RFC 3986 section 2.3: letters, digits, - . _ ~ */
function isUnreserved(byte: number): boolean {
  const lower = byte | 0x20;
  if ((byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x7a)) return true;
  return byte === 0x2d || byte === DOT || byte === 0x5f || byte === 0x7e;
}

/** How a server reads a path: see readPath(). */
export type PathReading = 'raw' | 'rfc3986' | 'merge-slashes';

/**
 * The path as a server of that kind reads it, for rules to compare:
 * `raw` as it was sent; `rfc3986` with unreserved escapes decoded and dot segments resolved (section
 * 6.2.2), other escapes in upper case; `merge-slashes` as nginx does, with every escape decoded and
 * runs of slashes taken for one. An empty path is "/" (RFC 9110 section 4.2.3).
 * null: servers disagree about an encoded slash, backslash or NUL and about ";"; refused unless raw.
 */
export function readPath(bytes: Uint8Array, reading: PathReading): Uint8Array | null {
  if (bytes.length === 0) return Uint8Array.of(SLASH);
  if (reading === 'raw') return bytes;
  const merges = reading === 'merge-slashes';
  const decoded = decode(bytes, merges);
  if (decoded === null) return null;
  return resolveDots(merges ? mergeSlashes(decoded) : decoded);
}

function decode(bytes: Uint8Array, everything: boolean): Uint8Array | null {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === BACKSLASH || byte === SEMICOLON) return null;
    if (byte !== PERCENT) {
      out[length++] = byte;
      continue;
    }
    const value = hexByte(bytes, at + 1, bytes.length);
    if (value <= 0 || value === SLASH || value === BACKSLASH) return null;
    if (everything || isUnreserved(value)) {
      out[length++] = value;
    } else {
      out[length++] = PERCENT;
      for (const digit of [bytes[at + 1]!, bytes[at + 2]!]) {
        out[length++] = digit >= LOWER_A ? digit - CASE_BIT : digit;
      }
    }
    at += 2;
  }
  return out.subarray(0, length);
}

function mergeSlashes(path: Uint8Array): Uint8Array {
  return path.filter((byte, at) => byte !== SLASH || at === 0 || path[at - 1] !== SLASH);
}

/** RFC 3986 section 5.2.4; ".." above the root stays at the root. */
function resolveDots(path: Uint8Array): Uint8Array {
  const out = new Uint8Array(path.length);
  let length = 0;
  let at = 0;
  while (at < path.length) {
    let end = path.indexOf(SLASH, at + 1);
    if (end < 0) end = path.length;
    const name = path[at] === SLASH ? at + 1 : at;
    const size = end - name;
    const dots = size > 0 && size <= 2 && path[name] === DOT && path[end - 1] === DOT;
    if (!dots) {
      out.set(path.subarray(at, end), length);
      length += end - at;
    } else {
      if (size === 2 && length > 0) length = Math.max(0, out.lastIndexOf(SLASH, length - 1));
      // a dot segment at the end leaves its slash
      if (end === path.length) out[length++] = SLASH;
    }
    at = end;
  }
  return out.subarray(0, length);
}
