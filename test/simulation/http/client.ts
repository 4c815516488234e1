import type { Kernel } from '../tcp/kernel.ts';
import type { Opening } from '../tcp/handshake.ts';
import type { Socket } from '../tcp/socket.ts';
import { addressText, type Ends } from '../tcp/words.ts';
import {
  HeadReader,
  decode,
  digestText,
  encode,
  requestHead,
  streamByte,
  streamBytes,
  type RequestPlan,
} from './content.ts';

/** How a client leaves. */
export type Ending =
  | 'close' // after the last response
  | 'half-close' // FIN right behind the last request
  | 'abort' // RST in the middle of the last response
  | 'vanish'; // the client's host is gone in the middle of the last response

export interface ConnectionPlan {
  ends: Ends;
  startMs: number;
  requests: RequestPlan[];
  ending: Ending;
  /** bytes of the last response after which an abort or vanish happens */
  endAfterBytes: number;
  /** the application waits this long for progress, then resets the connection */
  patienceMs: number;
}

/**
 * What became of a request. `refused`: a whole 503. `broken`: RST, end or patience over before its
 * end.
 */
export type Outcome = 'answered' | 'refused' | 'broken' | 'abandoned' | 'unsent';

/** One connection of a client application; it checks every byte that it reads. */
export class ClientConnection {
  readonly plan: ConnectionPlan;
  readonly outcomes: Outcome[];
  readonly problems: string[] = [];
  isOver = false;
  reason = '';
  clientIsn = 0;
  private readonly kernel: Kernel;
  private readonly vanish: () => void;
  private readonly finished: () => void;
  private opening: Opening | undefined;
  private socket: Socket | undefined;
  private at = 0;
  private heads = new HeadReader();
  private bodyLength = -1;
  private bodyRead = 0;
  private bodyKept: Uint8Array[] = [];
  private status = 0;
  private serverCloses = false;
  private progress = 0;

  /** `vanish` unplugs the client's host; `finished` is called once. */
  constructor(kernel: Kernel, plan: ConnectionPlan, vanish: () => void, finished: () => void) {
    this.kernel = kernel;
    this.plan = plan;
    this.vanish = vanish;
    this.finished = finished;
    this.outcomes = plan.requests.map(() => 'unsent');
    kernel.clock.at(plan.startMs, () => this.open());
  }

  private open(): void {
    if (this.kernel.isOff || !this.kernel.isPortFree(this.plan.ends)) {
      this.end('no port');
      return;
    }
    this.opening = this.kernel.connect(
      this.plan.ends,
      {
        connected: () => this.sendNext(),
        readable: () => this.read(),
        ended: () => this.peerEnded(),
        failed: (reason) => this.end(reason),
      },
      (socket) => (this.socket = socket),
    );
    this.clientIsn = this.opening.iss;
    this.watch();
  }

  /** An application timeout, so that a connection that broke silently ends. */
  private watch(): void {
    const seen = this.progress;
    this.kernel.clock.after(this.plan.patienceMs, () => {
      if (this.isOver) return;
      if (seen !== this.progress) this.watch();
      else {
        if (this.socket) this.socket.abort();
        else this.opening?.cancel();
        this.end('patience over');
      }
    });
  }

  private sendNext(): void {
    const request = this.plan.requests[this.at];
    this.progress += 1;
    if (!request) {
      this.socket!.close();
      this.end('done');
      return;
    }
    this.kernel.clock.after(request.thinkMs, () =>
      this.sendHead(request, encode(requestHead(request)), 0),
    );
  }

  private sendHead(request: RequestPlan, left: Uint8Array, piece: number): void {
    const { socket } = this;
    if (!socket || this.isOver) return;
    this.progress += 1;
    this.outcomes[this.at] = 'broken'; // until it is answered
    const length = request.pieces[piece];
    if (length !== undefined && length < left.length) {
      socket.send(left.subarray(0, length));
      this.kernel.clock.after(2, () => this.sendHead(request, left.subarray(length), piece + 1));
      return;
    }
    socket.send(left);
    if (request.kind === 'digest') socket.send(streamBytes(request.id, 0, request.size));
    const isLast = this.at === this.plan.requests.length - 1;
    if (isLast && this.plan.ending === 'half-close') socket.shutdown();
    if (isLast && this.plan.endAfterBytes === 0) this.leaveEarly();
  }

  private read(): void {
    let bytes = this.socket!.read();
    this.progress += 1;
    while (bytes.length > 0 && !this.isOver) {
      if (this.bodyLength < 0) {
        const found = this.heads.push(bytes);
        if (!found) return;
        this.beginResponse(found.head);
        bytes = found.rest;
      } else {
        const body = bytes.subarray(0, this.bodyLength - this.bodyRead);
        this.check(body);
        bytes = bytes.subarray(body.length);
      }
      if (this.bodyLength >= 0 && this.bodyRead === this.bodyLength) this.endResponse();
    }
  }

  private beginResponse(head: string): void {
    const match = /^HTTP\/1\.[01] (\d{3}) /.exec(head);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    const request = this.plan.requests[this.at];
    if (!match || !length || !request || this.outcomes[this.at] === 'unsent') {
      this.problems.push(
        `${this.name} read a head that it did not expect: ${JSON.stringify(head)}`,
      );
      this.socket!.abort();
      this.end('wrong head');
      return;
    }
    this.status = Number(match[1]);
    this.serverCloses = /\r\nconnection: *close/i.test(head);
    this.bodyLength = Number(length[1]);
    this.bodyRead = 0;
    this.bodyKept = [];
    const isSized =
      this.status !== 200 || request.kind !== 'bytes' || request.size === this.bodyLength;
    if (!isSized) this.problems.push(`${this.name}: ${this.bodyLength} bytes for ${request.size}`);
  }

  private check(body: Uint8Array): void {
    const request = this.plan.requests[this.at]!;
    if (this.status === 200 && request.kind === 'bytes') {
      for (let i = 0; i < body.length; i++) {
        if (body[i] === streamByte(request.id, this.bodyRead + i)) continue;
        this.problems.push(
          `${this.name}: byte ${this.bodyRead + i} of request ${request.id} is wrong`,
        );
        break;
      }
    } else {
      this.bodyKept.push(body.slice());
    }
    this.bodyRead += body.length;
    const isLast = this.at === this.plan.requests.length - 1;
    if (isLast && this.bodyRead >= this.plan.endAfterBytes) this.leaveEarly();
  }

  private leaveEarly(): void {
    const { ending } = this.plan;
    if (ending !== 'abort' && ending !== 'vanish') return;
    this.outcomes[this.at] = 'abandoned';
    if (ending === 'abort') this.socket!.abort();
    else this.vanish();
    this.end(ending);
  }

  private endResponse(): void {
    const request = this.plan.requests[this.at]!;
    this.bodyLength = -1;
    if (this.status === 503) {
      this.outcomes[this.at] = 'refused';
      this.socket!.close();
      this.end('503');
      return;
    }
    this.checkText(request);
    this.outcomes[this.at] = 'answered';
    this.at += 1;
    const isLast = this.at === this.plan.requests.length;
    if (this.serverCloses || (isLast && this.plan.ending === 'half-close')) return;
    this.sendNext();
  }

  private checkText(request: RequestPlan): void {
    if (this.status !== 200) this.problems.push(`${this.name}: status ${this.status}`);
    if (request.kind === 'bytes') return;
    const text = decode(Buffer.concat(this.bodyKept));
    const { local, localPort } = this.plan.ends;
    const expected =
      request.kind === 'digest'
        ? digestText(request.id, request.size)
        : `id=${request.id}; peer=${addressText(local)}:${localPort}; server=`;
    if (text.startsWith(expected)) return;
    this.problems.push(`${this.name}: expected ${expected}, read ${text}`);
  }

  private peerEnded(): void {
    this.socket!.close();
    this.end('peer closed');
  }

  private end(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.reason = reason;
    this.finished();
  }

  private get name(): string {
    return `client ${addressText(this.plan.ends.local)}:${this.plan.ends.localPort}`;
  }
}
