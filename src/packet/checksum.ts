/** Sum of 16-bit big-endian words (RFC 1071), not folded; an odd last byte is padded. */
export function sumWords(bytes: Uint8Array, from = 0, to = bytes.length, start = 0): number {
  let sum = start;
  let at = from;
  for (; at + 1 < to; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < to) sum += bytes[at]! << 8;
  return sum;
}

/** Folds a sum of 16-bit words to 16 bits (not complemented). */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}
