import type { RequestHead } from '../dispatcher/request-head.ts';
import { ChunkedBody } from './chunked-body.ts';

/** Sequence numbers are compared within half of their space: bodies go by in steps. */
const STEP = 2 ** 30;

/** The rest of a request's body. */
export interface Body {
  readonly isComplete: boolean;
  /** servers may disagree about where it ends */
  readonly isOdd: boolean;
  /** bytes that come next and need not be read */
  readonly left: number;
  /** Reads the bytes that follow; returns how many of them belong to the body. */
  take(bytes: Uint8Array): number;
  /** So many of `left` go by. */
  pass(count: number): void;
}

/** A body of known length. */
class LongBody implements Body {
  readonly isOdd = false;
  left: number;

  constructor(left: number) {
    this.left = left;
  }

  get isComplete(): boolean {
    return this.left === 0;
  }

  take(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.left);
    this.left -= count;
    return count;
  }

  pass(count: number): void {
    this.left -= count;
  }
}

/** How far a request goes, in bytes from its first one. */
export interface Extent {
  /** of the bytes that are here */
  here: number;
  /** up to there its bytes need not be looked at; no other request begins before */
  next: number;
  /** what comes behind `next` of it; null: another request */
  body: Body | null;
}

/** Null: servers may disagree about it. `bytes` begin with the head. */
export function extentOf(head: RequestHead, bytes: Uint8Array): Extent | null {
  const body: Body = head.isChunked ? new ChunkedBody() : new LongBody(head.end - head.length);
  const here = head.length + body.take(bytes.subarray(head.length));
  if (body.isOdd) return null;
  return { here, next: here + stepOver(body), body: body.isComplete ? null : body };
}

/** Lets go by what need not be read; how many bytes. */
export function stepOver(body: Body): number {
  const count = Math.min(body.left, STEP);
  if (count > 0) body.pass(count);
  return count;
}
