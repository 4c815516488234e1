import * as C from '../../../assembly/calls.ts';
import { Parsed } from './parsed.ts';
import type { Range } from './parsed.ts';

const HTTP_1_0 = 10;

/**
 * What the core's parser found (HEAD_*), read from `view` at `out`, about the head that begins at
 * bytes[0]. Offsets count from there. Valid until the next parse.
 */
export class RequestHead extends Parsed {
  get length(): number {
    return this.u32(C.HEAD_LENGTH);
  }

  /** hash of what its pool keys on, where that is not the path */
  ownTarget: number | null = null;

  get targetHash(): number {
    return this.ownTarget ?? this.u32(C.HEAD_TARGET_HASH);
  }

  /** What was found; a head made of it and of bytes that begin in the same way outlives other parses. */
  get image(): DataView {
    return this.copy(C.HEAD_SIZE);
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
    return this.u32(C.HEAD_FLAGS);
  }

  /** HTTP/1.0: connections end unless both sides agree on more. */
  get isOld(): boolean {
    return this.u16(C.HEAD_VERSION) === HTTP_1_0;
  }

  /** How long the body is, only the body tells. */
  get isChunked(): boolean {
    return (this.flags & C.HEAD_FLAG_CHUNKED) !== 0;
  }

  /** Where the request ends, unless it is chunked: behind head and body. */
  get end(): number {
    return this.length + this.f64(C.HEAD_CONTENT_LENGTH);
  }

  get headerCount(): number {
    return this.u32(C.HEAD_HEADER_COUNT);
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
}
