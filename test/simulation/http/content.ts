// What requests carry and responses must be: a function of the request's number, so that a byte of
// another request, or of another place in the stream, is seen.

/** `length` bytes of the stream of that key, from byte `from` on. */
export function streamBytes(key: number, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = streamByte(key, from + i);
  return bytes;
}

export function streamByte(key: number, at: number): number {
  const mixed = Math.imul(key ^ Math.imul(at + 1, 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 24;
}

/** FNV-1a of bytes, to be continued with the former result. */
export function digest(bytes: Uint8Array, start = 0x811c9dc5): number {
  let hash = start;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** One request of a scenario. */
export interface RequestPlan {
  /** unique in the run */
  id: number;
  kind: 'bytes' | 'digest' | 'identity';
  /** bytes of the response (bytes) or of the upload (digest) */
  size: number;
  /** pause before it is sent, ms */
  thinkMs: number;
  /**
   * lengths of the pieces in which the head leaves, the rest goes with the last; 2 ms between them
   */
  pieces: number[];
  /** asks the server to close after the response */
  closes: boolean;
}

export function requestHead(plan: RequestPlan): string {
  const target = `/${plan.kind}/${plan.size}/${plan.id}`;
  const method = plan.kind === 'digest' ? 'POST' : 'GET';
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: www.example'];
  if (plan.kind === 'digest') lines.push(`Content-Length: ${plan.size}`);
  if (plan.closes) lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Body of a digest response. */
export function digestText(id: number, size: number): string {
  return `id=${id}; digest=${digest(streamBytes(id, 0, size)).toString(16)}`;
}

const ENCODER = new TextEncoder();

export function encode(text: string): Uint8Array {
  return ENCODER.encode(text);
}

export function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Collects bytes until the empty line that ends a head. */
export class HeadReader {
  private kept = new Uint8Array(0);

  /** The head's text and the bytes behind it, when it is whole. */
  push(bytes: Uint8Array): { head: string; rest: Uint8Array } | undefined {
    const all = new Uint8Array(this.kept.length + bytes.length);
    all.set(this.kept);
    all.set(bytes, this.kept.length);
    const text = decode(all.subarray(0, 16384));
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) {
      this.kept = all;
      return undefined;
    }
    this.kept = new Uint8Array(0);
    return { head: text.slice(0, end), rest: all.subarray(end + 4) };
  }

  get isEmpty(): boolean {
    return this.kept.length === 0;
  }
}
