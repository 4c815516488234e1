/** Of a packet only the headers count: they hold the checksum of its bytes. */
const HEADERS = 100;

/**
 * Running 64-bit hash of everything that was delivered, with its time: two runs of one seed are the
 * same run
 * exactly if their hashes are equal. Two 32-bit lanes in the manner of MurmurHash3; no secret, only
 * a mark.
 */
export class Trace {
  private low = 0x9747b28c;
  private high = 0x3c6ef372;
  delivered = 0;
  /** told of every delivery, for people */
  watch: ((nowMs: number, receiver: number, bytes: Uint8Array) => void) | undefined;

  number(value: number): void {
    this.low = Math.imul(this.low ^ Math.imul(value, 0xcc9e2d51), 5) + 0xe6546b64;
    this.low = (this.low << 13) | (this.low >>> 19);
    this.high = Math.imul(this.high ^ Math.imul(value, 0x1b873593), 9) + this.low;
    this.high = (this.high << 17) | (this.high >>> 15);
  }

  /** One delivery: the time in ms (its microseconds count), who got it, and the bytes. */
  delivery(nowMs: number, receiver: number, bytes: Uint8Array): void {
    this.delivered += 1;
    this.watch?.(nowMs, receiver, bytes);
    this.number(Math.round(nowMs * 1000) >>> 0);
    this.number(receiver);
    this.number(bytes.length);
    const version = bytes[0]! >> 4;
    const isPacket = version === 4 || version === 6;
    this.bytes(isPacket ? bytes.subarray(0, HEADERS) : bytes);
  }

  private bytes(bytes: Uint8Array): void {
    const whole = bytes.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      this.number(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    }
    for (let i = whole; i < bytes.length; i++) this.number(bytes[i]!);
  }

  /** 16 hex digits */
  hash(): string {
    const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return word(this.high) + word(this.low);
  }
}
