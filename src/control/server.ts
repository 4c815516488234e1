import type { Binding, Requests } from '../channel/messages.ts';
import type { ServerConfig } from '../config/config.ts';
import type { ServerMode } from '../event.ts';
import type { ServerFigures } from './figures.ts';

/** A server and the control channel to its agent; the agent has the server's name. */
export interface Server {
  index: number;
  name: string;
  /** port of the server application */
  port: number;
  weight: number;
  /** false: taken out of the configuration, it only keeps the connections that it has */
  isConfigured: boolean;
  /** what the operator wants */
  mode: ServerMode;
  /** the operator wants its connections elsewhere: each leaves between two requests */
  isLeft: boolean;
  /** connections of it that are still to go to others; null: none */
  surplus: { count: number; untilMs: number } | null;
  /** pools for whose connections its health checks have failed */
  unhealthyIn: Set<string>;
  /** handoffs that failed since the last one that did not */
  failedInRow: number;
  /** gets no new connections until then, as too many failed; Infinity: that is not so */
  heldOffUntilMs: number;
  /** most connections; undefined: what the pool says */
  maxConnections: number | undefined;
  /** ms until it has its whole weight after it came up */
  slowStartMs: number;
  up: boolean;
  /** when its channel broke; Infinity: it had none yet */
  downSinceMs: number;
  /** when the last frame of that channel came */
  heardMs: number;
  /** when it came up last */
  upSinceMs: number;
  /** its agent has told all its connections, once at least */
  known: boolean;
  bindings: Binding[];
  /** of a distributor behind this switch: where it takes new connections */
  arrivals: Binding[];
  /** of the program on its host, 0 = never seen */
  run: number;
  /** its agent knows of cookies */
  tellsCookies: boolean;
  /** its agent takes connections whose clients have only sent a SYN */
  takesSyns: boolean;
  /** its agent gives connections back between two requests */
  givesBack: boolean;
  /** the agent's `line:`, '' = none */
  line: string;
  figures: ServerFigures;
  /** the agent's list of connections, while it arrives */
  listed: Set<string> | null;
  /** what it told before its list, by id */
  requests: Map<string, Requests>;
  /** ids of this run from here on are younger than the agent's list */
  listedBefore: number;
}

export function makeServer(index: number, config: ServerConfig): Server {
  const { name, port, weight, slowStartMs = 0, maxConnections } = config;
  return {
    index,
    name,
    port,
    weight,
    slowStartMs,
    maxConnections,
    isConfigured: true,
    ...freshStanding(),
    up: false,
    downSinceMs: Infinity,
    heardMs: Infinity,
    upSinceMs: Infinity,
    known: false,
    bindings: [],
    arrivals: [],
    run: 0,
    tellsCookies: false,
    takesSyns: false,
    givesBack: false,
    requests: new Map(),
    line: '',
    figures: { handoffs: 0, ready: 0, failed: 0 },
    listed: null,
    listedBefore: 0,
  };
}

/** Of a server that nobody has said anything about. */
export function freshStanding() {
  return {
    mode: 'ready' as const,
    isLeft: false,
    surplus: null,
    unhealthyIn: new Set<string>(),
    failedInRow: 0,
    heldOffUntilMs: Infinity,
  };
}

/** The operator takes it out of use: it gets no new connection, and those that it has end or move. */
export function isDraining({ mode }: Server): boolean {
  return mode !== 'ready';
}

/** Whether operator and health let it have new connections of that pool; all choices go by it. */
export function isOpen(server: Server, pool: string): boolean {
  const isHeldOff = server.heldOffUntilMs !== Infinity;
  return !isDraining(server) && !isHeldOff && !server.unhealthyIn.has(pool);
}
