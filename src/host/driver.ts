import type { Message } from '../channel/messages.ts';
import type {
  Effects,
  MessageEvent,
  OutgoingMessage,
  OutgoingPacket,
  Plane,
  PlaneEvent,
} from '../event.ts';
import type { Doorbell } from '../workers/doorbell.ts';
import { Pace } from '../workers/pace.ts';
import type { FromControlWriter, ToControlReader } from '../workers/rings.ts';

/** What the driver needs of the core: a held packet that cannot be sent must still be counted. */
export interface HeldCore {
  held(owner: number, entry: number, idRun: number, idCounter: number, count: number): number;
}

export interface DriverParts {
  plane: Plane;
  core: HeldCore;
  /** owner id of the control thread */
  owner: number;
  toControl: ToControlReader;
  fromControl: FromControlWriter;
  doorbell: Doorbell;
  /** false: the channel is down or its queue is full, the message is lost */
  send: (to: string, message: Message) => boolean;
  /** the host's monotonic clock */
  nowMs: () => number;
  /** a mistake of the program inside the plane: the event is lost, the others go on */
  onFault: (error: unknown, event: PlaneEvent) => void;
  /** Stops the thread for so long, with all that it does; without it no turn waits for more events. */
  rest?: (ms: number) => void;
}

const RECORDS_PER_TURN = 128; // of each worker, before channels and timers have their turn
/** That many turns a deadline waits for what is queued already: at most a full ring. */
const TURNS_FIRST = 32;
const TIMER_LIMIT_MS = 60_000;
const FAULT_PAUSE_MS = 100;
/** While events come fast: about as many connections share a frame, a wake-up and a look at the sockets. */
const PACE = { longestMs: 1, enough: 32 };

/** Feeds a plane with what really happens, and does what it says. The simulation is its twin. */
export class Driver {
  readonly #parts: DriverParts;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Infinity;
  #isStopped = false;
  #listening: Promise<void> | undefined;
  readonly #pace = new Pace(PACE);
  /** messages of this turn, while turns are paced */
  #outbox: OutgoingMessage[] = [];
  #isPaced = false;
  /** events given to the plane, by kind */
  readonly events: Record<PlaneEvent['kind'], number> = {
    packet: 0,
    message: 0,
    'channel-up': 0,
    'channel-down': 0,
    config: 0,
    mode: 0,
    health: 0,
    rebalance: 0,
    probe: 0,
    time: 0,
  };
  /** events in which the plane failed */
  faults = 0;

  constructor(parts: DriverParts) {
    this.#parts = parts;
  }

  /** Begins to take what workers queue; the plane gets a first time event to ask for its deadline. */
  start(): void {
    this.receive({ kind: 'time' });
    this.#listening = this.#listen();
  }

  /** The plane gets nothing more. What workers still queue stays in the rings. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#parts.doorbell.ring();
    await this.#listening;
  }

  /** Gives one event to the plane and does what it answers. */
  receive(event: PlaneEvent): void {
    if (this.#isStopped) return;
    this.#schedule(this.#feed(event));
  }

  /** Takes what is in the workers' rings, one turn of it. */
  drain(): void {
    const events = this.#parts.toControl.read(RECORDS_PER_TURN);
    if (events.length === 0 || this.#isStopped) return;
    let deadlineMs = Infinity;
    for (const event of events) deadlineMs = this.#feed(event);
    this.#schedule(deadlineMs);
  }

  async #listen(): Promise<void> {
    const { doorbell, toControl } = this.#parts;
    while (!this.#isStopped) {
      const seen = doorbell.rings();
      this.drain();
      if (await this.#rests()) continue;
      if (toControl.isEmpty()) await doorbell.wait(seen);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    this.#sendGathered();
  }

  /** The end of a turn. While events come fast: sends what the turn has said, and lets some gather. */
  async #rests(): Promise<boolean> {
    const { nowMs, rest } = this.#parts;
    this.#sendGathered();
    const restMs = rest ? this.#pace.restMs(nowMs()) : 0;
    this.#isPaced = restMs > 0;
    if (!this.#isPaced) return false;
    // channels write at the end of this tick
    await Promise.resolve();
    rest!(restMs);
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  #sendGathered(): void {
    while (this.#outbox.length > 0) {
      const gathered = this.#outbox;
      this.#outbox = [];
      for (const message of gathered) {
        const failed = this.#send(message);
        if (failed) this.#schedule(this.#feed(failed));
      }
    }
  }

  /** Returns the plane's deadline. */
  #feed(event: PlaneEvent): number {
    const { plane, nowMs, onFault } = this.#parts;
    this.events[event.kind] += 1;
    const atMs = nowMs();
    this.#pace.count(1, atMs);
    try {
      const effects = plane.receive(event, atMs);
      return this.#apply(effects);
    } catch (error) {
      this.faults += 1;
      onFault(error, event);
      return nowMs() + FAULT_PAUSE_MS;
    }
  }

  /** Returns the plane's deadline. */
  #apply({ packets, messages, deadlineMs }: Effects): number {
    let nextMs = deadlineMs;
    for (const packet of packets) this.#push(packet);
    for (const message of messages) {
      if (this.#isPaced) this.#outbox.push(message);
      else {
        const failed = this.#send(message);
        if (failed) nextMs = this.#feed(failed);
      }
    }
    return nextMs;
  }

  /** Returns what the plane must be told: a handoff never sent may go to another server at once. */
  #send({ to, message }: OutgoingMessage): MessageEvent | undefined {
    if (this.#parts.send(to, message) || message.type !== 'handoff') return undefined;
    const reason = 'channel down or full';
    const failed = { type: 'failed', id: message.id, delivered: 'no', reason } as const;
    return { kind: 'message', from: to, message: failed };
  }

  #push(packet: OutgoingPacket): void {
    const { fromControl, core, owner } = this.#parts;
    if (fromControl.push(packet) || packet.rewrite === undefined) return;
    // given up: else its connection would wait for it in DRAINING for ever
    const [idRun, idCounter] = fromControl.handoffId(packet.rewrite);
    core.held(owner, packet.rewrite, idRun, idCounter, 1);
  }

  #schedule(deadlineMs: number): void {
    if (deadlineMs === this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = deadlineMs;
    this.#timer = undefined;
    if (deadlineMs === Infinity || this.#isStopped) return;
    const waitMs = Math.ceil(deadlineMs - this.#parts.nowMs());
    // a timer that is early or late is harmless: the plane says again when it wants to be called
    const boundedMs = Math.max(1, Math.min(waitMs, TIMER_LIMIT_MS));
    this.#timer = setTimeout(() => {
      this.#timerMs = Infinity;
      // after the poll phase: what came in time but waits in sockets and rings is heard before
      // deadlines are, or a starved process would give up what it has in its hands
      setImmediate(() => this.#time(TURNS_FIRST));
    }, boundedMs);
  }

  /** Channels have their turns in between. */
  #time(turns: number): void {
    this.drain();
    if (turns > 1 && !this.#parts.toControl.isEmpty()) setImmediate(() => this.#time(turns - 1));
    else this.receive({ kind: 'time' });
  }
}
