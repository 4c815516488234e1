import type { SplicedServer } from '../config/splicing.ts';
import type { PacketEvent } from '../event.ts';
import type { Adopted, FormerTable } from './former.ts';
import type {
  Confirm,
  Handoff,
  HandoffId,
  Release,
  Requests,
  ResyncEntry,
  Tuple,
} from '../channel/messages.ts';

/** Who hands a connection over, and where the packets of its VIP and port go on this host. */
export interface Giver {
  /** name of the peer on the control channel */
  peer: string;
  /** its index among the peers this agent has seen; stands in the record */
  index: number;
  /** whose bindings its connections have: its group of switches', or a spliced server's; the group's hash */
  groupName: string;
  group: number;
  /** it hands over to that one alone, which is spliced */
  server?: SplicedServer | undefined;
  /** index of the lease that its connections live on */
  lease: number;
  /** its channel is up */
  up: boolean;
  /** it wants to know which connections are between two requests */
  takesIdle: boolean;
}

/** What a server's host tells the giver about a connection; repeated until confirmed. */
export type Outcome =
  | { kind: 'ready'; id: HandoffId }
  | { kind: 'failed'; id: HandoffId; delivered: 'no' | 'maybe'; reason: string }
  | { kind: 'closed'; id: HandoffId; tuple: Tuple }
  | { kind: 'released'; id: HandoffId; tuple: Tuple; next: number; timestamp: number };

/** Of connections each of whose requests is dispatched. */
export interface GivesBack {
  /** Gives one back when its requests are all answered: an outcome `released`, or the message `busy`. */
  ask(release: Release, giver: Giver, nowMs: number): void;
  /** The giver says how many requests the server got, and where the next one begins. */
  note(requests: Requests, giver: Giver): void;
  /** What list() cannot say of the giver's connections. */
  requests(giver: Giver): Requests[];
  /** The giver can be reached again, and may have forgotten what it was told. */
  reachable(giver: Giver): void;
}

/**
 * A way for a server to take connections over. Every accepted handoff ends in exactly one `ready` or
 * `failed`, a ready one later in one `closed`, unless it is released before. Outcomes, packets and
 * messages leave through what the implementation was constructed with; nothing here blocks.
 */
export interface Takeover {
  /** The same id again repeats the outcome; another id for a tuple takes the old one away first. */
  accept(handoff: Handoff, giver: Giver, nowMs: number): void;
  /** Takes a connection of the giver away without a packet to the client; false = it has none such. */
  release(id: HandoffId, tuple: Tuple, giver: Giver, nowMs: number): boolean;
  readonly releases: GivesBack;
  /** The giver got an outcome of this id: the one named, else the oldest. */
  confirm(id: HandoffId, giver: Giver, of?: Confirm['of']): void;
  /** Takes over what an earlier run of the agent left; before anything else. */
  adopt(former: FormerTable, nowMs: number): Adopted;
  /** The giver can be reached again: what it did not confirm is told again. */
  reachable(giver: Giver, nowMs: number): void;
  /**
   * The giver's connections that are held here and not over; or all that servers of this host have of a
   * group, whoever gave them.
   */
  list(of: Giver | { groupHash: number }): ResyncEntry[];
  /** A record of a worker: packets of connections that are not simply forwarded, closes, resets. */
  packet(event: PacketEvent, nowMs: number): void;
  /** Does what is due; returns when it wants to be called again (monotonic ms). */
  time(nowMs: number): number;
  /** Replays, kills and held packets on their way. */
  readonly underWay: number;
  /** Connections that are not over. */
  readonly open: number;
}
