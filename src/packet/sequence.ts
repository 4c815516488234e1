// Arithmetic on sequence numbers modulo 2^32 (RFC 9293 section 3.4).

/** a - b as a signed distance. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** a + count, as an unsigned sequence number. */
export function advance(a: number, count: number): number {
  return (a + count) >>> 0;
}

export function isBefore(a: number, b: number): boolean {
  return distance(a, b) < 0;
}

export function isAfter(a: number, b: number): boolean {
  return distance(a, b) > 0;
}
