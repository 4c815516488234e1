import * as L from '../../assembly/layout.ts';
import { formatEndpoint } from '../config/address.ts';
import { stateName, type Connections } from '../connections.ts';
import { sum, workerFigures, type Counters, type WorkerFigures } from './counters.ts';

/** What `GET /stats` answers. A host with both roles has two parts, each with a table of its own. */
export interface StatsView {
  name: string;
  roles: string[];
  pid: number;
  uptimeMs: number;
  parts: PartView[];
  /** of a host that is a dispatcher for others */
  dispatcher?: DispatcherView;
}

/** What a dispatcher counts. */
export interface DispatcherView {
  batches: number;
  decisions: number;
  largestBatch: number;
  /** requests for which it had no server */
  undecided: number;
  servers: { name: string; active: number }[];
  distributors: { name: string; active: number }[];
  /** channels by the name of the peer */
  channels: unknown;
}

export interface PartView {
  role: 'switch' | 'agent';
  /** `tun` or `packet`: what the device is */
  engine: string;
  device: string;
  workers: WorkerFigures[];
  total: { counters: Counters; drops: Record<string, number> };
  table: TableView;
  /** packets that control had for a worker whose ring was full */
  fromControlFull: number;
  /** threads that died and were replaced */
  replacedThreads: number;
  /** events that control's plane was given, by kind, and those in which it failed */
  events: Record<string, number>;
  faults: number;
  /** what the plane itself counts; differs by role */
  control: unknown;
  /** channels by the name of the peer */
  channels: unknown;
}

export interface TableView {
  entries: number;
  used: number;
  halfOpen: number;
  halfOpenLimit: number;
  /** given to a server by their SYN, and not proven by an ACK yet */
  unproven: number;
  unprovenLimit: number;
  /** entries by state; states that occur */
  states: Record<string, number>;
  buckets: number;
  bucketsUsed: number;
  /** entries in the longest chain of a bucket */
  longestChain: number;
  /** how often a writer found a bucket locked */
  bucketWaits: number;
}

/** One line of `GET /connections`. */
export interface ConnectionView {
  role: 'switch' | 'agent';
  entry: number;
  client: string;
  /** VIP and port (switch), handoff address and port (agent) */
  local: string;
  state: string;
  /** name of the server (switch); empty as long as none is chosen */
  server: string;
  /** where the client's packets are sent, empty as long as it is not known */
  to: string;
  idleSeconds: number;
  worker: number;
  /** handoff id, `run.counter` in hex; empty before the first handoff */
  id: string;
}

export function tableView(connections: Connections): TableView {
  const { view, entryCount } = connections;
  const header = (field: number): number => view.getUint32(field, true);
  const states: Record<string, number> = {};
  for (let entry = 0; entry < entryCount; entry += 1) {
    const state = connections.state(entry);
    if (state === L.STATE_FREE) continue;
    const name = stateName(state);
    states[name] = (states[name] ?? 0) + 1;
  }
  const buckets = header(L.HEADER_BUCKET_COUNT);
  const base = header(L.HEADER_BUCKET_BASE);
  let bucketsUsed = 0;
  let longestChain = 0;
  let bucketWaits = 0;
  for (let at = base; at < base + buckets * L.BUCKET_SIZE; at += L.BUCKET_SIZE) {
    bucketWaits += header(at + L.BUCKET_LOCKS);
    if (header(at + L.BUCKET_HEAD) === 0) continue;
    bucketsUsed += 1;
    longestChain = Math.max(longestChain, chainLength(connections, at));
  }
  return {
    entries: entryCount,
    used: Object.values(states).reduce((total, count) => total + count, 0),
    halfOpen: header(L.HEADER_HALF_OPEN_COUNT),
    halfOpenLimit: header(L.HEADER_HALF_OPEN_LIMIT),
    unproven: header(L.HEADER_UNPROVEN_COUNT),
    unprovenLimit: header(L.HEADER_UNPROVEN_LIMIT),
    states,
    buckets,
    bucketsUsed,
    longestChain,
    bucketWaits,
  };
}

/** Of the bucket at that address; 0 when a worker changed it meanwhile. */
function chainLength(connections: Connections, bucket: number): number {
  const word = (field: number): number => connections.view.getUint32(bucket + field, true);
  const version = word(L.BUCKET_VERSION);
  let length = 0;
  for (let next = word(L.BUCKET_HEAD); next !== 0 && length < L.CHAIN_LIMIT; length += 1) {
    next = connections.entry32(next - 1, L.ENTRY_NEXT);
  }
  const isSame = (version & L.VERSION_LOCKED) === 0 && word(L.BUCKET_VERSION) === version;
  return isSame ? length : 0;
}

export function workersView(view: DataView): Pick<PartView, 'workers' | 'total'> {
  const count = view.getUint32(L.HEADER_WORKER_COUNT, true);
  const workers = Array.from({ length: count }, (_, worker) => workerFigures(view, worker));
  return {
    workers,
    total: {
      counters: sum(workers.map((worker) => worker.counters)),
      drops: sum(workers.map((worker) => worker.drops)),
    },
  };
}

function hex(value: number): string {
  return value.toString(16);
}

/**
 * All entries that are in the table. `serverName` tells the name of a RECORD_SERVER: of the server at
 * the switch, of the peer that gave the connection at the agent.
 */
export function connectionViews(
  connections: Connections,
  role: 'switch' | 'agent',
  nowMs: number,
  serverName: (server: number) => string,
): ConnectionView[] {
  const views: ConnectionView[] = [];
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    const state = connections.state(entry);
    if (state === L.STATE_FREE || state === L.STATE_RESERVED) continue;
    const { run, counter } = connections.id(entry);
    const isHanded = run !== 0 || counter !== 0;
    const port = connections.serverPort(entry);
    const idleSeconds = Math.floor(nowMs / 1000) - connections.entry32(entry, L.ENTRY_LAST_SEEN);
    views.push({
      role,
      entry,
      client: formatEndpoint(connections.client(entry), connections.clientPort(entry)),
      local: formatEndpoint(connections.local(entry), connections.localPort(entry)),
      state: stateName(state),
      server: isHanded ? serverName(connections.record16(entry, L.RECORD_SERVER)) : '',
      to: port === 0 ? '' : formatEndpoint(connections.server(entry), port),
      idleSeconds: Math.max(0, idleSeconds),
      worker: connections.worker(entry),
      id: isHanded ? `${hex(run)}.${hex(counter)}` : '',
    });
  }
  return views;
}
