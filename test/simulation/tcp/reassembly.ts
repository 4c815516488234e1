/**
 * Received bytes by stream offset: the part in order for the application, the rest in sorted
 * blocks.
 */
export class Reassembly {
  /** next offset expected */
  next: number;
  private readonly ready: Uint8Array[] = [];
  readableBytes = 0;
  private readonly early: { start: number; bytes: Uint8Array }[] = [];
  /** block that grew last: RFC 2018 wants it first */
  private newest = -1;

  constructor(next: number) {
    this.next = next;
  }

  get hasHole(): boolean {
    return this.early.length > 0;
  }

  /** Takes bytes of the window; true when `next` moved. */
  insert(start: number, bytes: Uint8Array): boolean {
    if (start > this.next) {
      this.insertEarly(start, bytes);
      return false;
    }
    const fresh = bytes.subarray(this.next - start);
    if (fresh.length === 0) return false;
    this.append(fresh);
    while (this.early.length > 0 && this.early[0]!.start <= this.next) {
      const block = this.early.shift()!;
      const rest = block.bytes.subarray(Math.min(this.next - block.start, block.bytes.length));
      if (rest.length > 0) this.append(rest);
    }
    return true;
  }

  /** All that can be read now. */
  read(): Uint8Array {
    const all = new Uint8Array(this.readableBytes);
    let at = 0;
    for (const part of this.ready) {
      all.set(part, at);
      at += part.length;
    }
    this.ready.length = 0;
    this.readableBytes = 0;
    return all;
  }

  /** Up to `limit` offset pairs, the newest first (RFC 2018 section 4). */
  blocks(limit: number): [number, number][] {
    const found: [number, number][] = [];
    for (const { start, bytes } of this.early) {
      const last = found[found.length - 1];
      if (last && start <= last[1]) last[1] = Math.max(last[1], start + bytes.length);
      else found.push([start, start + bytes.length]);
    }
    const at = found.findIndex(([left, right]) => left <= this.newest && this.newest < right);
    if (at > 0) found.unshift(...found.splice(at, 1));
    return found.slice(0, limit);
  }

  private append(bytes: Uint8Array): void {
    this.ready.push(bytes.slice());
    this.readableBytes += bytes.length;
    this.next += bytes.length;
  }

  private insertEarly(start: number, bytes: Uint8Array): void {
    this.newest = start;
    const at = this.early.findIndex((block) => block.start >= start);
    const block = { start, bytes: bytes.slice() };
    if (at < 0) this.early.push(block);
    else if (this.early[at]!.start === start && this.early[at]!.bytes.length >= bytes.length)
      return;
    else this.early.splice(at, 0, block);
  }
}
