// What the control channels of a host are given, tell and show.
import type { Endpoint } from '../config/address.ts';
import type { Hello, Message } from './messages.ts';
import type { TlsMaterial } from './transport.ts';

export interface ChannelTiming {
  /** a quiet side sends a ping so often */
  pingIntervalMs: number;
  /** a peer silent for so long is down */
  peerTimeoutMs: number;
  leaseMs: number;
}

export interface ChannelEvents {
  /** The peer's hello has arrived. After a reconnect always preceded by `down`. */
  up(peer: string, hello: Hello): void;
  /** `heardMs`: when the last frame came from it (monotonic) */
  down(peer: string, heardMs: number): void;
  message(peer: string, message: Message): void;
  /** For the log: refused peers, failed dials (each reason once in a row), lost channels. */
  notice?(text: string): void;
}

export interface ControlChannelsOptions {
  /** this host */
  name: string;
  /** the first message to each dialed peer; an agent answers through send() */
  hello: () => Hello;
  /** mutual TLS; without it `insecure` must be true */
  tls?: TlsMaterial | undefined;
  insecure?: boolean | undefined;
  listen?: Endpoint | undefined;
  dial?: readonly DialTarget[] | undefined;
  timing: ChannelTiming;
  /** monotonic ms */
  now: () => number;
  on: ChannelEvents;
  /** bytes queued to a peer above which handoffs are refused; default 1 MiB */
  handoffQueueLimit?: number | undefined;
}

export interface DialTarget {
  name: string;
  address: Endpoint;
}

/** A peer for people and programs to look at. */
export interface PeerState {
  name: string;
  up: boolean;
  /** dialed by this host */
  dialed: boolean;
  /** ms since it is up, 0 while it is down */
  upForMs: number;
  queuedBytes: number;
  framesSent: number;
  framesReceived: number;
}
