/** Upper limits (ms) of the histogram's buckets; the last bucket has none. */
export const HISTOGRAM_LIMITS_MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

/** Counts of times by HISTOGRAM_LIMITS_MS. */
export class Histogram {
  readonly counts = [...HISTOGRAM_LIMITS_MS, Infinity].map(() => 0);
  sumMs = 0;

  add(ms: number): void {
    this.sumMs += ms;
    const found = HISTOGRAM_LIMITS_MS.findIndex((limit) => ms <= limit);
    const bucket = found < 0 ? HISTOGRAM_LIMITS_MS.length : found;
    this.counts[bucket]! += 1;
  }
}

/** What one server was given and what became of it. */
export interface ServerFigures {
  handoffs: number;
  ready: number;
  failed: number;
}

/** Counts since the start. */
export class Figures {
  handoffs = 0;
  ready = 0;
  failedNo = 0;
  failedMaybe = 0;
  /** by the agent's reason, and 'timeout', 'channel lost' */
  readonly failedReasons: Record<string, number> = {};
  /** responses of our own, by status */
  readonly refused: Record<string, number> = {};
  /** RSTs to clients, by why: 'slow', 'holes', 'maybe' ... */
  readonly resets: Record<string, number> = {};
  /** half-read requests dropped for younger ones, as there were too many */
  halfReadEvicted = 0;
  /** refused or reset connections not answered any more for younger ones, as there were too many */
  farewellsCut = 0;
  /** requests that waited in a pool's queue; refused as it was full, and as their time was over */
  queued = 0;
  queueFull = 0;
  queueExpired = 0;
  /** ended by the client before a server had it */
  abandoned = 0;
  closed = 0;
  /** connections given to the server that knows their client's session or cookie */
  known = 0;
  /** sessions and cookies that agents told */
  sessions = 0;
  /** handed to the agent of this very host, by a call */
  localHandoffs = 0;
  /** told switches in front about a connection on another host; those that they have confirmed */
  updatesSent = 0;
  updatesConfirmed = 0;
  /** switch in front: connections sent to a distributor; updates, and those that moved one */
  spread = 0;
  updatesSeen = 0;
  updated = 0;
  /** requests behind the first one that went to the server that had the connection */
  followed = 0;
  /** connections given back by their server, and of those, handed to a server for a next request */
  released = 0;
  moves = 0;
  /** connections that no server has, between two requests */
  parked = 0;
  /** taken from a server that had died */
  recovered = 0;
  /** not given back */
  busy = 0;
  idleExpired = 0;
  gatherExpired = 0;
  /** given to a server by their SYN: no ACK in time; taken back because the table was full */
  unprovenExpired = 0;
  unprovenEvicted = 0;
  adopted = 0;
  /** known to us, unknown to the agent after a reconnect */
  lost = 0;
  heldPackets = 0;
  heldDropped = 0;
  badChecksum = 0;
  malformed = 0;
  /** segments that were not acceptable (window, ACK, timestamps) */
  unacceptable = 0;
  /** of those, not answered because the connection had an answer less than 500 ms before */
  challengesSpared = 0;
  /** packets of a connection that is no more */
  stale = 0;
  tableFull = 0;
  /** first data thrown away because agents had not told yet what they have */
  early = 0;
  /** DRAINING entries whose held packets were not all sent in time */
  drainForced = 0;
  /** first data to ready */
  readonly handoffMs = new Histogram();
}

/** One more under that name. Names come from us and our agents: a bounded set. */
export function countUnder(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
