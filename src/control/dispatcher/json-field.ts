import type { JsonFieldConfig } from '../../config/target.ts';

/** Containers within each other; deeper ones are not looked into. */
const DEPTH_LIMIT = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;

/** What the next byte belongs to; `first...`: right behind the bracket, so that it may close. */
type Expected =
  | 'value'
  | 'first value'
  | 'key'
  | 'first key'
  | 'colon'
  | 'separator'
  | 'in key'
  | 'in string'
  | 'in literal'
  | 'nothing';

const encoder = new TextEncoder();

/** `messages[0].content`: names and places from the outside in. */
function stepsOf(field: string): (Uint8Array | number)[] {
  return [...field.matchAll(/\[(\d+)\]|[\w-]+/g)].map(([name, place]) =>
    place === undefined ? encoder.encode(name) : Number(place),
  );
}

/**
 * Finds one field in JSON (RFC 8259) that comes in pieces: each byte is looked at once, nothing is
 * copied. The value is what the body has, escapes and all: a string without its quotes, anything else
 * as its text. Of equal names the first counts; a name with an escape is no match. It never throws:
 * where the text is no JSON, or too deep, there is no field.
 */
export class JsonField {
  private readonly steps: (Uint8Array | number)[];
  private readonly limit: number;
  private readonly kinds = new Uint8Array(DEPTH_LIMIT);
  private expected: Expected = 'value';
  private isEscaped = false;
  private depth = 0;
  /** steps that lead to the value that is next, or to the one around it */
  private matched = 0;
  /** place of the next value in the innermost container on the way */
  private place = 0;
  private keyAt = 0;
  private at: number;
  private readonly end: number;
  /** of the value: from its first byte to behind its last one; -1: not reached */
  private from = -1;
  private to = -1;
  private valueDepth = 0;

  /** The body stands from `start` to `end` (that may be far behind what comes). */
  constructor({ field, bytes }: JsonFieldConfig, start: number, end: number) {
    this.steps = stepsOf(field);
    this.limit = bytes;
    this.at = start;
    this.end = end;
  }

  /** Nothing that comes changes the answer. */
  get isDone(): boolean {
    return this.expected === 'nothing';
  }

  /** Reads on, `bytes` from the request's first one. */
  read(bytes: Uint8Array): void {
    const end = Math.min(bytes.length, this.end);
    while (this.at < end && !this.isDone) {
      if (this.from >= 0 && this.at - this.from >= this.limit) return this.finish(this.at);
      this.take(bytes[this.at]!);
      this.at += 1;
    }
    const isWhole = this.at >= this.end || (this.from >= 0 && this.at - this.from >= this.limit);
    if (isWhole && !this.isDone) this.finish(this.at);
  }

  /** What is here of the value; null: nothing. */
  valueIn(bytes: Uint8Array): Uint8Array | null {
    if (this.from < 0) return null;
    return bytes.subarray(this.from, this.to < 0 ? this.at : this.to);
  }

  private finish(to: number): void {
    if (this.from >= 0 && this.to < 0) this.to = to;
    this.expected = 'nothing';
  }

  private take(byte: number): void {
    if (this.expected === 'in string') return this.inString(byte);
    if (this.expected === 'in key') return this.inKey(byte);
    if (this.expected === 'in literal') {
      if (!isEnd(byte)) return;
      this.endValue(this.at);
      if (this.isDone) return;
    }
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) return;
    this.structure(byte);
  }

  private structure(byte: number): void {
    const { expected } = this;
    if (expected === 'colon') {
      if (byte === COLON) this.expected = 'value';
      else this.finish(this.at);
    } else if (expected === 'separator') {
      this.separator(byte);
    } else if (expected.endsWith('key')) {
      if (byte === QUOTE) this.beginKey();
      else if (byte === OBJECT_END && expected === 'first key') this.close();
      else this.finish(this.at);
    } else if (byte === ARRAY_END && expected === 'first value') {
      this.close();
    } else {
      this.beginValue(byte);
    }
  }

  private separator(byte: number): void {
    const isObject = this.depth > 0 && this.kinds[this.depth - 1] === OBJECT;
    if (byte === COMMA && this.depth > 0) {
      if (this.isOnWay) this.place += 1;
      this.expected = isObject ? 'key' : 'value';
    } else if (this.depth > 0 && byte === (isObject ? OBJECT_END : ARRAY_END)) {
      this.close();
    } else {
      this.finish(this.at);
    }
  }

  /** The innermost container is one that the steps lead through. */
  private get isOnWay(): boolean {
    return this.from < 0 && this.matched === this.depth - 1;
  }

  private beginKey(): void {
    this.keyAt = this.isOnWay && typeof this.steps[this.depth - 1] !== 'number' ? 0 : -1;
    this.expected = 'in key';
  }

  private inKey(byte: number): void {
    const step = this.keyAt < 0 ? undefined : (this.steps[this.depth - 1] as Uint8Array);
    if (this.isEscaped) {
      this.isEscaped = false;
    } else if (byte === BACKSLASH) {
      this.isEscaped = true;
      this.keyAt = -1;
    } else if (byte === QUOTE) {
      if (step && this.keyAt === step.length) this.matched = this.depth;
      this.expected = 'colon';
    } else if (step) {
      this.keyAt = step[this.keyAt] === byte ? this.keyAt + 1 : -1;
    }
  }

  private beginValue(byte: number): void {
    if (byte === COMMA || byte === COLON || byte === OBJECT_END || byte === ARRAY_END) {
      return this.finish(this.at);
    }
    const inArray = this.depth > 0 && this.kinds[this.depth - 1] === ARRAY;
    if (inArray && this.isOnWay && this.steps[this.depth - 1] === this.place) {
      this.matched = this.depth;
    }
    const isWanted = this.from < 0 && this.matched === this.depth;
    if (isWanted && this.depth === this.steps.length) {
      this.from = byte === QUOTE ? this.at + 1 : this.at;
      this.valueDepth = this.depth;
    }
    if (byte === QUOTE) this.expected = 'in string';
    else if (byte === OBJECT || byte === ARRAY) this.open(byte);
    else this.expected = 'in literal';
  }

  private open(kind: number): void {
    if (this.depth === DEPTH_LIMIT) return this.finish(this.at);
    this.kinds[this.depth] = kind;
    this.depth += 1;
    if (this.isOnWay) this.place = 0;
    this.expected = kind === OBJECT ? 'first key' : 'first value';
  }

  private close(): void {
    // nothing behind the innermost container on the way can be meant
    if (this.isOnWay) return this.finish(this.at);
    this.depth -= 1;
    this.endValue(this.at + 1);
  }

  private inString(byte: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) this.endValue(this.at);
  }

  private endValue(to: number): void {
    const isIt = this.from >= 0 && this.depth === this.valueDepth;
    if (isIt || this.depth === 0) return this.finish(to);
    this.matched = Math.min(this.matched, this.depth - 1);
    this.expected = 'separator';
  }
}

function isEnd(byte: number): boolean {
  return byte <= 0x20 || byte === COMMA || byte === OBJECT_END || byte === ARRAY_END;
}
