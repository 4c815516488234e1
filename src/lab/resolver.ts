// A name server for one name, whose addresses it tells in turn (DNS round robin): RFC 1035, section 4.1.
import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { parseAddress } from '../config/address.ts';

export const LAB_NAME = 'web.lab';
export const RESOLVER_READY = 'resolver: listens';
const PORT = 53;
const HEADER = 12;
const [TYPE_A, TYPE_AAAA] = [1, 28] as const;
const [AUTHORITATIVE, NO_SUCH_NAME] = [0x8480, 0x8483] as const;

export interface ResolverPlan {
  addresses: string[];
}

/** The answer to a query with one question, or nothing to what is none. `turn`: which address is first. */
export function answerQuery(query: Buffer, addresses: string[], turn: number): Buffer | undefined {
  const end = questionEnd(query);
  if (end === 0) return undefined;
  const question = query.subarray(HEADER, end);
  const type = query.readUInt16BE(end - 4);
  const isKnown = question.subarray(0, -4).equals(encodeName(LAB_NAME));
  const all = addresses.filter((address) => (isIPv4(address) ? TYPE_A : TYPE_AAAA) === type);
  const told = isKnown ? all.map((_, index) => all[(index + turn) % all.length]!) : [];
  const header = Buffer.alloc(HEADER);
  const words = [query.readUInt16BE(0), isKnown ? AUTHORITATIVE : NO_SUCH_NAME, 1, told.length];
  words.forEach((word, index) => header.writeUInt16BE(word, 2 * index));
  return Buffer.concat([header, question, ...told.map((address) => record(address, type))]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([...labels.flat(), 0]);
}

/** Where the question ends; 0 when there is not exactly one. */
function questionEnd(query: Buffer): number {
  if (query.length < HEADER + 5 || query.readUInt16BE(4) !== 1) return 0;
  let at = HEADER;
  while (at < query.length && query[at] !== 0) at += query[at]! + 1;
  return at + 5 <= query.length ? at + 5 : 0;
}

/** Its name is the question's; nobody may keep it. */
function record(address: string, type: number): Buffer {
  const bytes = parseAddress(address)!;
  const head = Buffer.alloc(HEADER);
  [0xc000 | HEADER, type, 1, 0, 0, bytes.length].forEach((word, index) =>
    head.writeUInt16BE(word, 2 * index),
  );
  return Buffer.concat([head, bytes]);
}

export function runResolver({ addresses }: ResolverPlan): void {
  const socket = createSocket('udp4');
  const turns = new Map<number, number>();
  socket.on('message', (query, { port, address }) => {
    const type = query.length > 4 ? query.readUInt16BE(Math.max(0, questionEnd(query) - 4)) : 0;
    const turn = turns.get(type) ?? 0;
    turns.set(type, turn + 1);
    const answer = answerQuery(query, addresses, turn);
    if (answer) socket.send(answer, port, address);
  });
  socket.bind(PORT, '127.0.0.1', () => console.log(RESOLVER_READY));
}
