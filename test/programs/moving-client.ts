// Requests over connections that may move between servers: every answer is checked, byte by byte and in its
// order. Prints what each connection saw as JSON.
// node build/programs-moving-client.mjs HOST PORT PLAN
// PLAN: { connections, steps: [[method, target, bytes, pause]...] or { random: COUNT, seed } } as JSON
import { createHash } from 'node:crypto';
import { isIPv6, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { streamChunks } from '../../src/lab/byte-stream.ts';
import { Random } from '../../src/lab/random.ts';

/** What is asked, and how many bytes of the stream are in the answer, or are sent; -1: not looked at. */
export interface Step {
  method: 'GET' | 'HEAD' | 'PUT';
  target: string;
  bytes: number;
  /** ms until the next request, sent without waiting for the answer; absent: after the answer */
  next?: number;
}

export interface MovesPlan {
  connections: number;
  steps: Step[] | { random: number; seed: number };
}

interface Seen {
  status: number;
  server: string;
  isRight: boolean;
}

export interface Outcome {
  port: number;
  seen: Seen[];
  /** '' when nothing went wrong */
  error: string;
}

const [host = '', port = '', planText = '{}'] = process.argv.slice(2);
const LIMIT_MS = 30_000;
const digests = new Map<number, string>();

function digestOf(length: number): string {
  const known = digests.get(length);
  if (known) return known;
  const hash = createHash('sha256');
  for (const chunk of streamChunks(length)) hash.update(chunk);
  const digest = hash.digest('hex');
  digests.set(length, digest);
  return digest;
}

/** Bytes of a socket, asked for in pieces. */
class Incoming {
  #chunks: Buffer[] = [];
  #isOver = false;
  #error = '';
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    for (const event of ['end', 'close'] as const) {
      socket.on(event, () => {
        this.#isOver = true;
        this.#wake();
      });
    }
    socket.on('error', (error) => (this.#error = error.message));
  }

  /** The next chunk; null at the end. Throws when none comes in time, or the connection is reset. */
  async next(): Promise<Buffer | null> {
    const untilMs = Date.now() + LIMIT_MS;
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) return chunk;
      if (this.#error) throw new Error(this.#error);
      if (this.#isOver) return null;
      const left = untilMs - Date.now();
      if (left <= 0) throw new Error('no answer in time');
      await Promise.race([new Promise<void>((wake) => (this.#wake = wake)), sleep(left)]);
    }
  }

  back(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.unshift(chunk);
  }

  /** Lines, the end of the last one with them. */
  async head(): Promise<string> {
    return `${await this.#until('\r\n\r\n')}\r\n`;
  }

  line(): Promise<string> {
    return this.#until('\r\n');
  }

  async #until(mark: string): Promise<string> {
    let text = Buffer.alloc(0);
    for (;;) {
      const end = text.indexOf(mark);
      if (end >= 0) {
        this.back(text.subarray(end + mark.length));
        return text.toString('latin1', 0, end);
      }
      const chunk = await this.next();
      if (!chunk) throw new Error(text.length === 0 ? 'closed' : 'closed in a line');
      text = Buffer.concat([text, chunk]);
    }
  }

  /** So many bytes, Infinity: all that come. */
  async body(length: number, each: (chunk: Buffer) => void): Promise<void> {
    for (let left = length; left > 0;) {
      const chunk = await this.next();
      if (!chunk && length === Infinity) return;
      if (!chunk) throw new Error('closed in a body');
      const taken = chunk.subarray(0, Math.min(left, chunk.length));
      each(taken);
      left -= taken.length;
      this.back(chunk.subarray(taken.length));
    }
  }
}

function fieldOf(head: string, name: string): string {
  return new RegExp(`^${name}: *(.*?)\\r$`, 'im').exec(head)?.[1] ?? '';
}

async function readAnswer(incoming: Incoming, { method, bytes }: Step): Promise<Seen> {
  let head = await incoming.head();
  while (/^HTTP\/1.1 1/.test(head)) head = await incoming.head();
  const hash = createHash('sha256');
  const each = (chunk: Buffer) => void hash.update(chunk);
  const status = Number(head.slice(9, 12));
  const length = fieldOf(head, 'content-length');
  if (method === 'HEAD' || status === 204) {
    // nothing comes
  } else if (fieldOf(head, 'transfer-encoding') !== '') {
    for (;;) {
      const size = Number.parseInt(await incoming.line(), 16);
      await incoming.body(size, each);
      await incoming.line();
      if (size === 0) break;
    }
  } else await incoming.body(length === '' ? Infinity : Number(length), each);
  const server = fieldOf(head, 'x-server') || fieldOf(head, 'server').replace(/\/.*/, '');
  const isRight = method !== 'GET' || bytes < 0 || hash.digest('hex') === digestOf(bytes);
  return { status, server, isRight };
}

function send(socket: Socket, { method, target, bytes }: Step): void {
  const length = method === 'PUT' ? `Content-Length: ${bytes}\r\n` : '';
  const named = isIPv6(host) ? `[${host}]` : host;
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: ${named}\r\n${length}\r\n`);
  if (method !== 'PUT') return;
  for (const chunk of streamChunks(bytes)) socket.write(chunk);
}

function randomSteps(count: number, seed: number): Step[] {
  const random = new Random(seed);
  const sizes = { '1k': 1e3, '10k': 1e4, '100k': 1e5 };
  return Array.from({ length: count }, (): Step => {
    const to = ['first', 'second'][random.below(2)]!;
    const kind = random.below(20);
    const bytes = 4 * random.below(20_000);
    if (kind === 0) return { method: 'GET', target: `/chunked/${bytes}?to=third`, bytes };
    if (kind === 1) return { method: 'HEAD', target: `/1k?to=${to}`, bytes: 0 };
    const name = Object.keys(sizes)[random.below(random.below(8) === 0 ? 3 : 2)]!;
    const length = sizes[name as keyof typeof sizes];
    return { method: 'GET', target: `/${name}?to=${to}`, bytes: length };
  });
}

async function run(steps: Step[]): Promise<Outcome> {
  const socket = connect({ host, port: Number(port), noDelay: true });
  const incoming = new Incoming(socket);
  const outcome: Outcome = { port: 0, seen: [], error: '' };
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    outcome.port = socket.localPort ?? 0;
    const awaited: Step[] = [];
    for (const step of steps) {
      send(socket, step);
      awaited.push(step);
      if (step.next !== undefined) await sleep(step.next);
      else
        for (const each of awaited.splice(0)) outcome.seen.push(await readAnswer(incoming, each));
    }
    for (const each of awaited) outcome.seen.push(await readAnswer(incoming, each));
  } catch (error) {
    outcome.error = `${(error as Error).message} at ${outcome.seen.length}`;
  }
  socket.destroy();
  return outcome;
}

const plan = JSON.parse(planText) as MovesPlan;
const outcomes = await Promise.all(
  Array.from({ length: plan.connections }, (_, index) => {
    const { steps } = plan;
    return run(Array.isArray(steps) ? steps : randomSteps(steps.random, steps.seed + index));
  }),
);
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
