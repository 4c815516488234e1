import type { Random } from '../../../src/lab/random.ts';
import type { Kernel } from '../tcp/kernel.ts';
import type { Listener } from '../tcp/listener.ts';
import type { Socket } from '../tcp/socket.ts';
import { addressText } from '../tcp/words.ts';
import { HeadReader, digest, encode, streamBytes } from './content.ts';

export interface ServerOptions {
  port: number;
  backlog: number;
  deferTimeouts: number;
  /** between two accepts, ms */
  acceptMs: number;
  /** before a response, at most, ms */
  thinkMs: number;
  /** responses on one connection, then it closes */
  keepAliveLimit: number;
  /** an idle connection is closed after this, ms */
  idleMs: number;
}

/** Every request that a server application began to work on, by number. */
export class Journal {
  readonly executions = new Map<number, string[]>();
  readonly problems: string[] = [];

  executed(id: number, server: string): void {
    const list = this.executions.get(id);
    if (list) list.push(server);
    else this.executions.set(id, [server]);
  }

  count(id: number): number {
    return this.executions.get(id)?.length ?? 0;
  }
}

/** A small web server on a simulated kernel. */
export class ServerApplication {
  readonly name: string;
  readonly journal: Journal;
  private readonly kernel: Kernel;
  private readonly random: Random;
  private readonly options: ServerOptions;
  private readonly listener: Listener;
  private isAccepting = false;

  constructor(
    name: string,
    kernel: Kernel,
    random: Random,
    journal: Journal,
    options: ServerOptions,
  ) {
    this.name = name;
    this.kernel = kernel;
    this.random = random;
    this.journal = journal;
    this.options = options;
    this.listener = kernel.listen(options.port, {
      backlog: options.backlog,
      deferTimeouts: options.deferTimeouts,
      acceptable: () => this.acceptLater(),
    });
  }

  private acceptLater(): void {
    if (this.isAccepting) return;
    this.isAccepting = true;
    this.kernel.clock.after(this.options.acceptMs, () => {
      this.isAccepting = false;
      const socket = this.listener.accept();
      if (socket && socket.state !== 'CLOSED') new ServedConnection(this, socket);
      if (this.listener.queue.length > 0) this.acceptLater();
    });
  }

  thinkMs(): number {
    return this.options.thinkMs * this.random.fraction();
  }

  get keepAliveLimit(): number {
    return this.options.keepAliveLimit;
  }

  get idleMs(): number {
    return this.options.idleMs;
  }
}

/** The request that is being read. */
interface Reading {
  kind: string;
  size: number;
  id: number;
  closes: boolean;
  bodyLeft: number;
  digest: number;
}

class ServedConnection {
  private readonly application: ServerApplication;
  private readonly socket: Socket;
  private readonly heads = new HeadReader();
  private readonly waiting: Uint8Array[] = [];
  private reading: Reading | undefined;
  private isAnswering = false;
  private hasEnded = false;
  private responses = 0;
  private activity = 0;

  constructor(application: ServerApplication, socket: Socket) {
    this.application = application;
    this.socket = socket;
    socket.events = {
      readable: () => this.work(),
      ended: () => {
        this.hasEnded = true;
        this.work();
      },
    };
    this.hasEnded = socket.finReceived;
    this.work();
    this.watchIdle();
  }

  private work(): void {
    this.activity += 1;
    const bytes = this.socket.read();
    if (bytes.length > 0) this.waiting.push(bytes);
    while (!this.isAnswering && this.waiting.length > 0) this.consume(this.waiting.shift()!);
    if (this.hasEnded && !this.isAnswering) this.socket.close();
  }

  private consume(bytes: Uint8Array): void {
    if (!this.reading) {
      const found = this.heads.push(bytes);
      if (!found) return;
      this.begin(found.head);
      if (found.rest.length > 0) this.waiting.unshift(found.rest);
      if (this.reading && (this.reading as Reading).bodyLeft === 0) this.answer(this.reading);
      return;
    }
    const { reading } = this;
    const body = bytes.subarray(0, reading.bodyLeft);
    reading.digest = digest(body, reading.digest);
    reading.bodyLeft -= body.length;
    if (bytes.length > body.length) this.waiting.unshift(bytes.subarray(body.length));
    if (reading.bodyLeft === 0) this.answer(reading);
  }

  private begin(head: string): void {
    const match = /^(GET|POST) \/(bytes|digest|identity)\/(\d+)\/(\d+) HTTP\/1\.1\r\n/.exec(head);
    if (!match) {
      this.application.journal.problems.push(
        `${this.application.name} read ${JSON.stringify(head)}`,
      );
      this.socket.abort();
      this.waiting.length = 0;
      return;
    }
    this.reading = {
      kind: match[2]!,
      size: Number(match[3]),
      id: Number(match[4]),
      closes: /\r\nConnection: close/.test(head),
      bodyLeft: match[1] === 'POST' ? Number(match[3]) : 0,
      digest: digest(new Uint8Array(0)),
    };
    this.application.journal.executed(this.reading.id, this.application.name);
  }

  private answer(reading: Reading): void {
    this.isAnswering = true;
    this.reading = undefined;
    this.socket.kernel.clock.after(this.application.thinkMs(), () => this.respond(reading));
  }

  private respond(reading: Reading): void {
    if (this.socket.state === 'CLOSED') return;
    this.isAnswering = false;
    this.responses += 1;
    const closes = reading.closes || this.responses >= this.application.keepAliveLimit;
    const body = this.body(reading);
    const head = [
      'HTTP/1.1 200 OK',
      `Content-Length: ${body.length}`,
      `Connection: ${closes ? 'close' : 'keep-alive'}`,
    ];
    this.socket.send(encode(`${head.join('\r\n')}\r\n\r\n`));
    this.socket.send(body);
    if (closes) this.socket.close();
    else this.work();
  }

  private body(reading: Reading): Uint8Array {
    const { remote, remotePort } = this.socket.ends;
    if (reading.kind === 'bytes') return streamBytes(reading.id, 0, reading.size);
    if (reading.kind === 'digest') {
      return encode(`id=${reading.id}; digest=${reading.digest.toString(16)}`);
    }
    const peer = `${addressText(remote)}:${remotePort}`;
    return encode(`id=${reading.id}; peer=${peer}; server=${this.application.name}`);
  }

  /** As web servers do: a connection without a request under way is closed after a while. */
  private watchIdle(): void {
    const seen = this.activity;
    this.socket.kernel.clock.after(this.application.idleMs, () => {
      if (this.socket.state === 'CLOSED' || this.socket.isOrphan) return;
      const isIdle = seen === this.activity && !this.isAnswering && this.socket.sender.isIdle;
      if (isIdle) this.socket.close();
      else this.watchIdle();
    });
  }
}
