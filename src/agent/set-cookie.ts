const SET_COOKIE = /^set-cookie:([^;]*)/i;
const INTERIM = /^HTTP\/[\d.]+ 1\d\d/;
/** String.fromCharCode takes each as an argument */
const BYTES_LIMIT = 16384;

/**
 * `NAME=value` of each cookie of that name that a response sets (RFC 6265 section 5.2), as Latin-1. Reads
 * the head at the first byte, and the next one behind an interim response; a line that is not whole says
 * nothing.
 */
export function cookiesSet(bytes: Uint8Array, name: string): string[] {
  const text = String.fromCharCode(...bytes.subarray(0, BYTES_LIMIT));
  const found: string[] = [];
  let isStart = true;
  let isInterim = false;
  for (const line of text.split('\n').slice(0, -1)) {
    if (isStart) {
      if (!line.startsWith('HTTP/')) break;
      isInterim = INTERIM.test(line);
      isStart = false;
    } else if (line === '\r' || line === '') {
      if (!isInterim) break;
      isStart = true;
    } else {
      const value = valueOf(SET_COOKIE.exec(line)?.[1] ?? '', name);
      if (value !== '') found.push(`${name}=${value}`);
    }
  }
  return found;
}

/** Empty when the pair has another name or no value. */
function valueOf(pair: string, name: string): string {
  const equals = pair.indexOf('=');
  return equals >= 0 && trim(pair.slice(0, equals)) === name ? trim(pair.slice(equals + 1)) : '';
}

function trim(text: string): string {
  return text.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
}
