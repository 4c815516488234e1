// Connections of several kinds for a while: which servers' bytes each one read, and what was answered.
// Nothing is sent twice. Prints the outcomes as JSON.
// node build/programs-marked-client.mjs HOST PORT PLAN
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface MarkedPlan {
  /** in front of connections' names, so that no two runs have the same */
  prefix: string;
  seconds: number;
  /** begun in a second, each with one POST */
  newPerSecond: number;
  /** so many that ask again every `askMs` */
  idle: number;
  askMs: number;
  /** heads that come in pieces, one after the other */
  slowHeads: number;
  /** answers that take as long as all of it, one on each */
  transfers: number;
  /** each second request of a connection is for the other server: its target ends with another letter */
  moves?: boolean;
}

export interface MarkedOutcome {
  /** its name: that of one tuple and client ISN */
  connection: string;
  kind: 'new' | 'idle' | 'head' | 'transfer';
  /** how many of its requests were sent, at least in part */
  sent: number;
  answered: number;
  /** servers whose bytes it read */
  marks: string;
  /** of its answers, with moves: those with a byte that is not of the server they are for */
  foreign: number;
  error: string;
}

const [host = '', port = '', planText = '{}'] = process.argv.slice(2);
const plan = JSON.parse(planText) as MarkedPlan;
const PATIENCE_MS = 20_000;
const HEAD_PIECES = 5;
const PIECE_MS = 250;
const TRANSFER_BYTES = 400_000;
/** What targets end with, and the mark of the server that rules send them to. */
const TURNS = [
  ['b', 'B'],
  ['a', 'A'],
] as const;
const endMs = Date.now() + plan.seconds * 1000;

class Connection {
  readonly outcome: MarkedOutcome;
  readonly #socket: Socket;
  #read = '';
  #wake: () => void = () => {};
  #isOver = false;

  constructor(kind: MarkedOutcome['kind'], number: number) {
    const connection = `${plan.prefix}-${kind}-${number}`;
    this.outcome = { connection, kind, sent: 0, answered: 0, marks: '', foreign: 0, error: '' };
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (text: string) => this.#came(text));
    this.#socket.on('error', (error) => (this.outcome.error = error.message));
    this.#socket.on('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  #came(text: string): void {
    this.#read += text;
    this.#wake();
  }

  /** Sends one request, in so many pieces, and reads its answer. False: the connection is over. */
  async ask(bytes: number, ms: number, pieces = 1): Promise<boolean> {
    const { outcome } = this;
    outcome.sent += 1;
    const [letter, wanted] = TURNS[outcome.sent % 2]!;
    const target = `/${outcome.connection}/${outcome.sent}/${bytes}/${ms}/${letter}`;
    const head = `POST ${target} HTTP/1.1\r\nHost: marked\r\nContent-Length: 0\r\n\r\n`;
    const length = Math.ceil(head.length / pieces);
    for (let at = 0; at < head.length; at += length) {
      if (at > 0) await sleep(PIECE_MS);
      this.#socket.write(head.slice(at, at + length));
    }
    const end = (await this.#until(() => this.#read.indexOf('\r\n\r\n') + 1)) - 1;
    if (end < 0) return this.#failed('no head');
    const body = this.#read.slice(end + 4);
    const [status] = /^HTTP\/1\.1 200 /.exec(this.#read) ?? [];
    if (!status) return this.#failed(this.#read.slice(0, this.#read.indexOf('\r\n')));
    this.#read = body;
    const isWhole = await this.#until(() => Number(this.#read.length >= bytes));
    for (const mark of new Set(this.#read.slice(0, bytes))) {
      if (!outcome.marks.includes(mark)) outcome.marks += mark;
    }
    if (plan.moves && /[^]/.test(this.#read.slice(0, bytes).replaceAll(wanted, ''))) {
      outcome.foreign += 1;
    }
    if (!isWhole) return this.#failed(`${this.#read.length} of ${bytes} bytes`);
    this.#read = this.#read.slice(bytes);
    outcome.answered += 1;
    return true;
  }

  #failed(why: string): false {
    this.outcome.error ||= why;
    return false;
  }

  /** What `value` gives when it is not 0; 0: the connection is over before, or nothing came for too long. */
  async #until(value: () => number): Promise<number> {
    while (value() === 0 && !this.#isOver) {
      const timer = new AbortController();
      const patience = sleep(PATIENCE_MS, true, { signal: timer.signal }).catch(() => false);
      const waits = new Promise<boolean>((wake) => (this.#wake = () => wake(false)));
      const isLate = await Promise.race([patience, waits]);
      timer.abort();
      if (isLate) break;
    }
    return value();
  }

  end(): MarkedOutcome {
    this.#socket.destroy();
    return this.outcome;
  }
}

const LIVES = {
  async new(one: Connection) {
    await one.ask(100, 0);
  },
  async idle(one: Connection) {
    while (Date.now() < endMs && (await one.ask(100, 0))) await sleep(plan.askMs);
  },
  async head(one: Connection) {
    await one.ask(100, 0, HEAD_PIECES);
  },
  async transfer(one: Connection) {
    await one.ask(TRANSFER_BYTES, plan.seconds * 1000);
  },
};

async function live(kind: MarkedOutcome['kind'], number: number): Promise<MarkedOutcome> {
  const one = new Connection(kind, number);
  await LIVES[kind](one);
  return one.end();
}

/** One after the other until the time is over. */
async function repeat(kind: MarkedOutcome['kind'], first: number): Promise<MarkedOutcome[]> {
  const outcomes: MarkedOutcome[] = [];
  for (let number = first; Date.now() < endMs; number += plan.slowHeads) {
    outcomes.push(await live(kind, number));
  }
  return outcomes;
}

const all: Promise<MarkedOutcome | MarkedOutcome[]>[] = [];
for (let i = 0; i < plan.idle; i += 1) all.push(live('idle', i));
for (let i = 0; i < plan.transfers; i += 1) all.push(live('transfer', i));
for (let i = 0; i < plan.slowHeads; i += 1) all.push(repeat('head', i));
for (let i = 0; Date.now() < endMs; i += 1) {
  all.push(live('new', i));
  await sleep(1000 / plan.newPerSecond);
}
const outcomes = (await Promise.all(all)).flat();
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
