// The two ends of the connection, no more than the example needs of a TCP: a client that asks once, and a
// server that answers each request and closes.
import { buildPacket, readPacket, type TcpPacket } from '../../src/index-planes.ts';

const FIN = 1;
const SYN = 2;
const ACK = 16;
const OPTIONS = { mss: 1460 };

type Transmit = (packet: Uint8Array) => void;

/** One end of a connection; numbers are RFC 9293's. */
class End {
  #sendNext: number;
  #receiveNext = 0;
  readonly #transmit: Transmit;
  readonly #names: Pick<TcpPacket, 'source' | 'destination' | 'sourcePort' | 'destinationPort'>;

  constructor(names: End['names'], isn: number, transmit: Transmit) {
    this.#names = names;
    this.#sendNext = isn;
    this.#transmit = transmit;
  }

  get names(): Pick<TcpPacket, 'source' | 'destination' | 'sourcePort' | 'destinationPort'> {
    return this.#names;
  }

  send(flags: number, text = ''): void {
    const payload = new TextEncoder().encode(text);
    const numbers = { sequence: this.#sendNext, acknowledgment: this.#receiveNext };
    const options = (flags & SYN) !== 0 ? OPTIONS : {};
    this.#transmit(
      buildPacket({ ...this.#names, ...numbers, flags, payload, options, window: 65535 }),
    );
    this.#sendNext += payload.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  }

  /** False: not the next bytes; they come again. */
  take({ sequence, flags, payload }: TcpPacket): boolean {
    const length = payload.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
    if ((flags & SYN) !== 0) this.#receiveNext = sequence;
    if (length === 0 || sequence !== this.#receiveNext) return false;
    this.#receiveNext = sequence + length;
    return true;
  }
}

export class Client {
  readonly #end: End;
  readonly #request: string;
  readonly #done: (text: string, from: Uint8Array) => void;
  #text = '';

  constructor(
    names: End['names'],
    transmit: Transmit,
    request: string,
    done: (text: string, from: Uint8Array) => void,
  ) {
    this.#end = new End(names, 1_000_000, transmit);
    this.#request = request;
    this.#done = done;
  }

  connect(): void {
    this.#end.send(SYN);
  }

  receive(packet: Uint8Array): void {
    const segment = readPacket(packet)!;
    if (!this.#end.take(segment)) return;
    if ((segment.flags & SYN) !== 0) {
      this.#end.send(ACK);
      this.#end.send(ACK, this.#request);
      return;
    }
    this.#text += new TextDecoder().decode(segment.payload);
    const isOver = (segment.flags & FIN) !== 0;
    this.#end.send(isOver ? ACK | FIN : ACK);
    if (isOver) this.#done(this.#text, segment.source);
  }
}

/** A web server's kernel: it knows nothing of a switch. */
export class Server {
  readonly #name: string;
  readonly #transmit: Transmit;
  readonly #ends = new Map<string, End>();

  constructor(name: string, transmit: Transmit) {
    this.#name = name;
    this.#transmit = transmit;
  }

  receive(packet: Uint8Array): void {
    const { source, destination, sourcePort, destinationPort, ...segment } = readPacket(packet)!;
    const key = `${source.join('.')}:${sourcePort}`;
    let end = this.#ends.get(key);
    if (!end && (segment.flags & SYN) === 0) return;
    if (!end) {
      const turned = { source: destination.slice(), destination: source.slice() };
      const ports = { sourcePort: destinationPort, destinationPort: sourcePort };
      end = new End({ ...turned, ...ports }, 7_000_000, this.#transmit);
      this.#ends.set(key, end);
      end.take({ source, destination, sourcePort, destinationPort, ...segment });
      end.send(SYN | ACK);
      return;
    }
    if (!end.take({ source, destination, sourcePort, destinationPort, ...segment })) return;
    if (segment.payload.length === 0) return end.send(ACK);
    const body = `${this.#name} has ${new TextDecoder().decode(segment.payload).split(' ')[1]} for ${key}\n`;
    end.send(ACK, `HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    end.send(ACK | FIN);
  }
}
