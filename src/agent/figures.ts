/** Upper ends (ms) of the classes of handoff times; the last class has none. */
export const HANDOFF_CLASSES_MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 400, 800];

/** What the agent counted since its start, as `stats` shows it. */
export interface AgentFigures {
  /** handoffs whose replay began */
  replays: number;
  ready: number;
  /** by reason */
  failed: Record<string, number>;
  /** handoffs that took a tuple from an older id */
  replaced: number;
  closed: number;
  /** closed connections forgotten before their time, as the table was nearly full */
  closedEvicted: number;
  /** by why: idle connections, resets of clients */
  probes: { idle: number; reset: number };
  /** connections given back between two requests, and not given back when they were asked for */
  released: number;
  busy: number;
  /** times that a connection was told to be between two requests */
  idleTold: number;
  kills: number;
  /** kills that the kernel never confirmed with a reset */
  killsUnconfirmed: number;
  /** packets of a replay that were too many to be kept */
  notKept: number;
  /** connections that are not over */
  open: number;
  /** from the handoff's arrival to ready: how many in each class of HANDOFF_CLASSES_MS */
  handoffClasses: number[];
  handoffSumMs: number;
}

export function noFigures(): AgentFigures {
  return {
    replays: 0,
    ready: 0,
    failed: {},
    replaced: 0,
    closed: 0,
    closedEvicted: 0,
    probes: { idle: 0, reset: 0 },
    released: 0,
    busy: 0,
    idleTold: 0,
    kills: 0,
    killsUnconfirmed: 0,
    notKept: 0,
    open: 0,
    handoffClasses: [...HANDOFF_CLASSES_MS, Infinity].map(() => 0),
    handoffSumMs: 0,
  };
}

export function countFailure(figures: AgentFigures, reason: string): void {
  figures.failed[reason] = (figures.failed[reason] ?? 0) + 1;
}

export function countHandoff(figures: AgentFigures, ms: number): void {
  figures.ready += 1;
  figures.handoffSumMs += ms;
  const found = HANDOFF_CLASSES_MS.findIndex((limit) => ms <= limit);
  const index = found < 0 ? HANDOFF_CLASSES_MS.length : found;
  figures.handoffClasses[index] = (figures.handoffClasses[index] ?? 0) + 1;
}
