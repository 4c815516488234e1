// The control channels of one host: who is up, who is dialed, what arrives. Rules:
// docs/protocol.md.
import type { Server, Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import { formatEndpoint } from '../config/address.ts';
import { Channel } from './channel.ts';
import type { Hello, Message } from './messages.ts';
import type { ControlChannelsOptions, DialTarget, PeerState } from './options.ts';
import { dial, listen } from './transport.ts';
import { OLDEST_VERSION } from './wire.ts';

export type * from './options.ts';
export type { TlsMaterial } from './transport.ts';

interface Dialer extends DialTarget {
  waitMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  giveUp: (() => void) | undefined;
  lastFailure: string;
  /** not dialed any more */
  isDropped: boolean;
}

function newDialer(target: DialTarget): Dialer {
  const { name, address } = target;
  const none = { waitMs: 0, timer: undefined, giveUp: undefined, lastFailure: '' };
  return { name, address, ...none, isDropped: false };
}

function isSame(first: DialTarget, second: DialTarget): boolean {
  const where = ({ name, address }: DialTarget): string =>
    `${name} ${formatEndpoint(address.address, address.port)}`;
  return where(first) === where(second);
}

interface Peer {
  channel: Channel;
  name: string;
  dialer: Dialer | undefined;
  upSinceMs: number;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1000;
/** A channel that was up for so long is dialed again without a longer wait. */
const STABLE_MS = 1000;
const HELLO_TIMEOUT_MS = 3000;
const FINISH_MS = 300;

export class ControlChannels {
  #options: ControlChannelsOptions;
  readonly #up = new Map<string, Peer>();
  /** connected, no hello yet */
  readonly #waiting = new Set<Channel>();
  #dialers: Dialer[] = [];
  #server: Server | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #tickMs = 0;
  #stopped = false;
  #refused = 0;
  #lastRefusal = '';

  constructor(options: ControlChannelsOptions) {
    if (!options.tls && options.insecure !== true) {
      throw new Error(
        'control channel: TLS keys are missing (baton keygen), or say insecure: true',
      );
    }
    this.#options = options;
    this.#dialers = (options.dial ?? []).map(newDialer);
  }

  /** Hosts to dial from now on; channels to those that are not named, or elsewhere, end. */
  redial(targets: readonly DialTarget[]): void {
    const kept = this.#dialers.filter((dialer) => targets.some((target) => isSame(dialer, target)));
    const dropped = this.#dialers.filter((dialer) => !kept.includes(dialer));
    const added = targets.filter((target) => !kept.some((dialer) => isSame(dialer, target)));
    this.#dialers = [...kept, ...added.map(newDialer)];
    for (const dialer of dropped) {
      dialer.isDropped = true;
      clearTimeout(dialer.timer);
      dialer.giveUp?.();
      const channels = [...this.#up.values()].filter((peer) => peer.dialer === dialer);
      for (const { channel } of channels) channel.end('the configuration has changed');
    }
    for (const dialer of this.#dialers.slice(kept.length)) this.#dial(dialer);
  }

  /** Other times, and other keys for the channels that come. */
  retune({ timing, tls }: Pick<ControlChannelsOptions, 'timing' | 'tls'>): void {
    this.#options = { ...this.#options, timing, tls };
    if (this.#server && tls) (this.#server as TlsServer).setSecureContext(tls);
    if (!this.#ticker) return;
    clearInterval(this.#ticker);
    this.#ticker = setInterval(() => this.#tick(), timing.pingIntervalMs);
  }

  /** Listens and begins to dial. Rejects when the address can not be listened on. */
  async start(): Promise<void> {
    const { listen: at, tls, timing, now } = this.#options;
    if (at) {
      const accept = (socket: Socket, name: string | undefined): void => this.#accept(socket, name);
      const refused = (reason: string): void => this.#refuse(reason);
      try {
        this.#server = await listen(at, tls, accept, refused);
      } catch (error) {
        const where = formatEndpoint(at.address, at.port);
        throw new Error(`can not listen on ${where}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    this.#tickMs = now();
    this.#ticker = setInterval(() => this.#tick(), timing.pingIntervalMs);
    for (const dialer of this.#dialers) this.#dial(dialer);
  }

  /** The port listened on (the configuration may say 0 in tests), 0 without. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /**
   * False when the peer is down or its queue is full: handoffs first, terminal messages are
   * repeated anyway.
   */
  send(peer: string, message: Message): boolean {
    return this.#up.get(peer)?.channel.send(message) ?? false;
  }

  /** Until when this host may act for the peer (monotonic ms), 0 = not at all. */
  leaseDeadlineMs(peer: string): number {
    return this.#up.get(peer)?.channel.leaseDeadlineMs(this.#options.timing.leaseMs) ?? 0;
  }

  /** All that are up or dialed. */
  peers(): PeerState[] {
    const nowMs = this.#options.now();
    const up = [...this.#up.values()].map(({ channel, name, dialer, upSinceMs }) => ({
      name,
      up: true,
      dialed: dialer !== undefined,
      upForMs: Math.round(nowMs - upSinceMs),
      queuedBytes: channel.queuedBytes,
      framesSent: channel.framesSent,
      framesReceived: channel.framesReceived,
    }));
    const down = this.#dialers.filter(({ name }) => !this.#up.has(name));
    const nothing = { up: false, dialed: true, upForMs: 0, queuedBytes: 0 };
    return [
      ...up,
      ...down.map(({ name }) => ({ name, ...nothing, framesSent: 0, framesReceived: 0 })),
    ];
  }

  /** Sends what is queued and closes everything, without `down` events. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#ticker);
    for (const dialer of this.#dialers) {
      clearTimeout(dialer.timer);
      dialer.giveUp?.();
    }
    const closed = new Promise<void>((resolve) => {
      if (this.#server) this.#server.close(() => resolve());
      else resolve();
    });
    const channels = [...this.#waiting, ...[...this.#up.values()].map(({ channel }) => channel)];
    await Promise.all(channels.map((channel) => channel.finish(FINISH_MS)));
    await closed;
  }

  /** Connections refused before or because of their first message. */
  get refused(): number {
    return this.#refused;
  }

  /** A peer that tries again and again gets one line for each reason in a row. */
  #refuse(text: string): void {
    this.#refused++;
    if (text !== this.#lastRefusal) this.#notice(`refused ${text}`);
    this.#lastRefusal = text;
  }

  #notice(text: string): void {
    if (!this.#stopped) this.#options.on.notice?.(text);
  }

  #tick(): void {
    const { timing, now } = this.#options;
    const nowMs = now();
    // after a pause of this process the peers' signs of life are still unread: judge at the next
    // tick
    const late = nowMs - this.#tickMs > 3 * timing.pingIntervalMs;
    this.#tickMs = nowMs;
    for (const channel of this.#waiting) {
      channel.keepAlive(timing.pingIntervalMs / 2);
      if (!late && nowMs - channel.startedMs > HELLO_TIMEOUT_MS) channel.end('sent no hello');
    }
    for (const { channel } of this.#up.values()) {
      const silentMs = nowMs - channel.receivedMs;
      if (!late && silentMs > timing.peerTimeoutMs)
        channel.end(`silent for ${Math.round(silentMs)} ms`);
      else channel.keepAlive(timing.pingIntervalMs / 2);
    }
  }

  #accept(socket: Socket, name: string | undefined): void {
    if (this.#stopped) return void socket.destroy();
    this.#open(socket, name, undefined);
  }

  #dial(dialer: Dialer): void {
    dialer.timer = undefined;
    if (this.#stopped || dialer.isDropped) return;
    // the peer may have dialed this host meanwhile
    if (this.#up.has(dialer.name)) return this.#dialLater(dialer, '');
    const connected = (socket: Socket): void => {
      dialer.giveUp = undefined;
      this.#open(socket, dialer.name, dialer).send(this.#options.hello());
    };
    const failed = (reason: string): void => {
      dialer.giveUp = undefined;
      this.#dialLater(dialer, reason);
    };
    dialer.giveUp = dial(dialer.address, dialer.name, this.#options.tls, connected, failed);
  }

  #dialLater(dialer: Dialer, failure: string): void {
    if (this.#stopped || dialer.isDropped) return;
    if (failure !== '' && failure !== dialer.lastFailure) {
      const where = formatEndpoint(dialer.address.address, dialer.address.port);
      this.#notice(`${dialer.name} at ${where} can not be reached: ${failure}`);
    }
    dialer.lastFailure = failure;
    dialer.waitMs = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, dialer.waitMs * 2));
    dialer.timer = setTimeout(() => this.#dial(dialer), dialer.waitMs);
  }

  /** `name`: of the peer's certificate or of the dialed host; undefined = what its hello says. */
  #open(socket: Socket, name: string | undefined, dialer: Dialer | undefined): Channel {
    const from = socket.remoteAddress ?? 'a peer';
    let peer: Peer | undefined;
    const channel: Channel = new Channel({
      socket,
      now: this.#options.now,
      handoffQueueLimit: this.#options.handoffQueueLimit,
      take: (message) => {
        if (message.type === 'ping') return;
        if (peer) return this.#options.on.message(peer.name, message);
        if (dialer?.isDropped) return channel.end('the configuration has changed');
        const refusal = refusalOf(message, name);
        if (refusal !== '') return channel.end(refusal);
        const hello = message as Hello;
        peer = { channel, name: hello.name, dialer, upSinceMs: this.#options.now() };
        this.#admit(peer, hello);
      },
      ended: (reason) => {
        this.#waiting.delete(channel);
        if (peer) this.#lost(peer, reason);
        else if (!dialer) this.#refuse(`${name ?? from}: ${reason}`);
        if (dialer) this.#dialLater(dialer, peer ? '' : `${reason} before its hello`);
      },
    });
    this.#waiting.add(channel);
    return channel;
  }

  #admit(peer: Peer, hello: Hello): void {
    this.#waiting.delete(peer.channel);
    this.#up.get(peer.name)?.channel.end('replaced by a newer connection');
    this.#up.set(peer.name, peer);
    // acknowledges the hello at once: the peer's lease begins
    peer.channel.send({ type: 'ping' });
    this.#options.on.up(peer.name, hello);
  }

  #lost(peer: Peer, reason: string): void {
    if (this.#up.get(peer.name) !== peer) return;
    this.#up.delete(peer.name);
    if (this.#stopped) return;
    if (peer.dialer && this.#options.now() - peer.upSinceMs >= STABLE_MS) peer.dialer.waitMs = 0;
    this.#notice(`lost ${peer.name}: ${reason}`);
    this.#options.on.down(peer.name, peer.channel.receivedMs);
  }
}

/** Why the first message is not a hello that this host accepts; '' when it is. */
function refusalOf(message: Message, expected: string | undefined): string {
  if (message.type !== 'hello') return `sent ${message.type} before its hello`;
  if (message.version < OLDEST_VERSION) return `speaks version ${message.version} only`;
  if (expected !== undefined && message.name !== expected) {
    return `calls itself "${message.name}" in its hello, expected was "${expected}"`;
  }
  return message.name === '' ? 'has no name' : '';
}
