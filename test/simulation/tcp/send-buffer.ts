/**
 * Bytes from the first unacknowledged one on, by stream offset. Chunks are kept as they were given.
 */
export class SendBuffer {
  private readonly chunks: { start: number; bytes: Uint8Array }[] = [];
  /** offset behind the last byte */
  end: number;

  constructor(start: number) {
    this.end = start;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.chunks.push({ start: this.end, bytes });
    this.end += bytes.length;
  }

  /** Forgets whole chunks below that offset. */
  release(before: number): void {
    let gone = 0;
    for (const chunk of this.chunks) {
      if (chunk.start + chunk.bytes.length > before) break;
      gone += 1;
    }
    if (gone > 0) this.chunks.splice(0, gone);
  }

  slice(start: number, length: number): Uint8Array {
    const copy = new Uint8Array(length);
    for (const chunk of this.chunks) {
      const end = chunk.start + chunk.bytes.length;
      if (end <= start) continue;
      if (chunk.start >= start + length) break;
      const from = Math.max(start, chunk.start);
      const to = Math.min(start + length, end);
      copy.set(chunk.bytes.subarray(from - chunk.start, to - chunk.start), from - start);
    }
    return copy;
  }
}
