const PERCENT = 0x25;
const SLASH = 0x2f;
const DOT = 0x2e;

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

/**
 * The path as rules compare it: unreserved escapes decoded, dot segments resolved (RFC 3986 section
 * 6.2.2). Servers disagree about what an encoded slash, backslash or NUL means, and about escapes
 * that are none: null, the request is refused.
 */
export function normalisePath(bytes: Uint8Array, from: number, to: number): Uint8Array | null {
  if (isPlain(bytes, from, to)) return bytes.subarray(from, to);
  const decoded = decodeUnreserved(bytes, from, to);
  return decoded && resolveDots(decoded);
}

/** No escape, and no segment that begins with a dot. */
function isPlain(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at]!;
    if (byte === PERCENT || byte === 0x5c) return false;
    if (byte === DOT && at > from && bytes[at - 1] === SLASH) return false;
  }
  return true;
}

function decodeUnreserved(bytes: Uint8Array, from: number, to: number): Uint8Array | null {
  const out = new Uint8Array(to - from);
  let length = 0;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at]!;
    if (byte === 0x5c) return null;
    if (byte !== PERCENT) {
      out[length++] = byte;
      continue;
    }
    const value = hexByte(bytes, at + 1, to);
    if (value <= 0 || value === SLASH || value === 0x5c) return null;
    if (isUnreserved(value)) {
      out[length++] = value;
    } else {
      out.set(bytes.subarray(at, at + 3), length);
      length += 3;
    }
    at += 2;
  }
  return out.subarray(0, length);
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
