// ClientHellos built from parts, and an obvious parser to compare the core's with.

export interface HelloParts {
  /** server names as they stand in the extension; several are against RFC 6066 */
  names?: string[];
  protocols?: string[];
  session?: Uint8Array;
  ticket?: Uint8Array;
  versions?: number[];
  /** [type, bytes] of further extensions, put first */
  others?: [number, Uint8Array][];
  /** false: none at all, as old clients do */
  extensions?: boolean;
}

type Bytes = Uint8Array<ArrayBuffer>;

export function concat(...parts: Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const text = (value: string): Bytes => Uint8Array.from(Buffer.from(value, 'latin1'));
const u8 = (body: Uint8Array): Bytes => concat(Uint8Array.of(body.length), body);
const u16 = (body: Uint8Array): Bytes =>
  concat(Uint8Array.of(body.length >> 8, body.length & 255), body);

function extension(type: number, body: Uint8Array): Bytes {
  return concat(Uint8Array.of(type >> 8, type & 255), u16(body));
}

/** The handshake message. */
export function helloMessage(parts: HelloParts = {}): Bytes {
  const list: Uint8Array[] = (parts.others ?? []).map(([type, body]) => extension(type, body));
  if (parts.names) {
    const names = parts.names.map((name) => concat(Uint8Array.of(0), u16(text(name))));
    list.push(extension(0, u16(concat(...names))));
  }
  if (parts.protocols) {
    list.push(extension(16, u16(concat(...parts.protocols.map((name) => u8(text(name)))))));
  }
  if (parts.ticket) list.push(extension(35, parts.ticket));
  if (parts.versions) {
    const versions = parts.versions.flatMap((version) => [version >> 8, version & 255]);
    list.push(extension(43, u8(Uint8Array.from(versions))));
  }
  const body = concat(
    Uint8Array.of(3, 3),
    new Uint8Array(32).fill(7),
    u8(parts.session ?? new Uint8Array(0)),
    u16(Uint8Array.of(0x13, 0x01, 0xc0, 0x2f)),
    u8(Uint8Array.of(0)),
    parts.extensions === false ? new Uint8Array(0) : u16(concat(...list)),
  );
  return concat(Uint8Array.of(1, 0, body.length >> 8, body.length & 255), body);
}

/** The message in records of these sizes, the rest in one more. */
export function helloRecords(message: Uint8Array, sizes: number[] = []): Bytes {
  const records: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, message.length]) {
    const piece = message.subarray(at, at + size);
    at += piece.length;
    if (piece.length > 0) records.push(concat(Uint8Array.of(22, 3, 1), u16(piece)));
  }
  return concat(...records);
}

export function helloBytes(parts: HelloParts = {}): Bytes {
  return helloRecords(helloMessage(parts));
}

export interface HelloView {
  name: string | null;
  protocols: string[];
  session: string;
  ticket: string;
  tls13: boolean;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Strings, each behind its length. */
function listed(body: Uint8Array): string[] {
  if (body.length === 0) return [];
  const end = 1 + body[0]!;
  const first = Buffer.from(body.subarray(1, end)).toString('latin1');
  return [first, ...listed(body.subarray(end))];
}

/** Takes numbers and runs of bytes off a message. */
class Cursor {
  private readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** Behind its own length of that many bytes. */
  list(size: number): Uint8Array {
    return this.take(this.number(size));
  }

  number(count: number): number {
    return this.take(count).reduce((sum, byte) => sum * 256 + byte, 0);
  }
}

/** What the message says; for messages that are right. */
export function readHello(message: Uint8Array): HelloView {
  const view: HelloView = { name: null, protocols: [], session: '', ticket: '', tls13: false };
  const cursor = new Cursor(message);
  cursor.take(4 + 34);
  view.session = hex(cursor.list(1));
  cursor.list(2);
  cursor.list(1);
  const extensions = new Cursor(cursor.left > 0 ? cursor.list(2) : new Uint8Array(0));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.list(2);
    if (type === 0) view.name = Buffer.from(body.subarray(5)).toString('latin1').toLowerCase();
    if (type === 35) view.ticket = hex(body);
    if (type === 16) view.protocols = listed(body.subarray(2));
    if (type === 43) view.tls13 = hex(body.subarray(1)).match(/..../g)!.includes('0304');
  }
  view.name = view.name?.replace(/\.$/, '') ?? null;
  return view;
}
