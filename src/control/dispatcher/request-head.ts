import * as C from '../../../assembly/calls.ts';

const HTTP_1_0 = 10;

/** A run of bytes inside a request head: [from, to). */
export interface Range {
  from: number;
  to: number;
}

/**
 * What the core's parser found (HEAD_*), read from `view` at `out`, about the head that begins at
 * bytes[0]. Offsets count from there. Valid until the next parse.
 */
export class RequestHead {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly out: number;

  constructor(bytes: Uint8Array, view: DataView, out: number) {
    this.bytes = bytes;
    this.view = view;
    this.out = out;
  }

  get length(): number {
    return this.view.getUint32(this.out + C.HEAD_LENGTH, true);
  }

  get targetHash(): number {
    return this.view.getUint32(this.out + C.HEAD_TARGET_HASH, true);
  }

  get method(): Range {
    return this.range(C.HEAD_METHOD_OFFSET, C.HEAD_METHOD_LENGTH);
  }

  get path(): Range {
    return this.range(C.HEAD_PATH_OFFSET, C.HEAD_PATH_LENGTH);
  }

  /** Empty without a query. */
  get query(): Range {
    return this.range(C.HEAD_QUERY_OFFSET, C.HEAD_QUERY_LENGTH);
  }

  /** Port and trailing dot removed; empty without a host. */
  get host(): Range {
    return this.range(C.HEAD_HOST_OFFSET, C.HEAD_HOST_LENGTH);
  }

  get flags(): number {
    return this.view.getUint32(this.out + C.HEAD_FLAGS, true);
  }

  /** The connection ends with the response, as RFC 9112 section 9.3 says. */
  get isLast(): boolean {
    if ((this.flags & C.HEAD_FLAG_UPGRADE) !== 0) return false;
    if ((this.flags & C.HEAD_FLAG_CLOSE) !== 0) return true;
    const isOld = this.u16(C.HEAD_VERSION) === HTTP_1_0;
    return isOld && (this.flags & C.HEAD_FLAG_KEEP_ALIVE) === 0;
  }

  /** How long the body is, only the body tells. */
  get isChunked(): boolean {
    return (this.flags & C.HEAD_FLAG_CHUNKED) !== 0;
  }

  /** Where the request ends, unless it is chunked: behind head and body. */
  get end(): number {
    return this.length + this.view.getFloat64(this.out + C.HEAD_CONTENT_LENGTH, true);
  }

  get headerCount(): number {
    return this.view.getUint32(this.out + C.HEAD_HEADER_COUNT, true);
  }

  headerName(index: number): Range {
    return this.headerRange(index, 0);
  }

  headerValue(index: number): Range {
    return this.headerRange(index, 4);
  }

  text(range: Range): string {
    return String.fromCharCode(...this.bytes.subarray(range.from, range.to));
  }

  private headerRange(index: number, field: number): Range {
    const at = C.HEAD_HEADERS + index * C.HEAD_HEADER_SIZE + field;
    return this.range(at, at + 2);
  }

  private range(offset: number, length: number): Range {
    const from = this.u16(offset);
    return { from, to: from + this.u16(length) };
  }

  private u16(field: number): number {
    return this.view.getUint16(this.out + field, true);
  }
}
