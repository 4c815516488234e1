import type { Message } from '../channel/messages.ts';
import type { Effects, MessageEvent, OutgoingPacket, Plane, PlaneEvent } from '../event.ts';
import type { Doorbell } from '../workers/doorbell.ts';
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
}

const RECORDS_PER_TURN = 128; // of each worker, before channels and timers have their turn
/** That many turns a deadline waits for what is queued already: at most a full ring. */
const TURNS_FIRST = 32;
const TIMER_LIMIT_MS = 60_000;
const FAULT_PAUSE_MS = 100;

/** Feeds a plane with what really happens, and does what it says. The simulation is its twin. */
export class Driver {
  readonly #parts: DriverParts;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Infinity;
  #isStopped = false;
  #listening: Promise<void> | undefined;
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
      if (toControl.isEmpty()) await doorbell.wait(seen);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Returns the plane's deadline. */
  #feed(event: PlaneEvent): number {
    const { plane, nowMs, onFault } = this.#parts;
    this.events[event.kind] += 1;
    try {
      const effects = plane.receive(event, nowMs());
      const refused = this.#apply(effects);
      // never sent: another server may have it at once, instead of after the handoff's deadline
      return refused.reduce((_, failed) => this.#feed(failed), effects.deadlineMs);
    } catch (error) {
      this.faults += 1;
      onFault(error, event);
      return nowMs() + FAULT_PAUSE_MS;
    }
  }

  /** Returns what the plane must be told about handoffs that could not be sent. */
  #apply(effects: Effects): MessageEvent[] {
    for (const packet of effects.packets) this.#push(packet);
    return effects.messages.flatMap(({ to, message }) => {
      if (this.#parts.send(to, message) || message.type !== 'handoff') return [];
      const reason = 'channel down or full';
      const failed = { type: 'failed', id: message.id, delivered: 'no', reason } as const;
      return [{ kind: 'message', from: to, message: failed }];
    });
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
