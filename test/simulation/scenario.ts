import type { Random } from '../../src/lab/random.ts';
import type { ClusterOptions } from './cluster.ts';
import type { Fault } from './group-faults.ts';
import type { RequestPlan } from './http/content.ts';
import type { Ending } from './http/client.ts';
import type { ServerOptions } from './http/server.ts';
import { PERFECT, type Link } from './network.ts';
import { NO_SCALE, type KernelOptions } from './tcp/options.ts';

/** One client's host with its connections. */
export interface ClientPlan {
  family: 4 | 6;
  kernel: Partial<KernelOptions>;
  link: Link;
  connections: {
    port: number;
    startMs: number;
    requests: RequestPlan[];
    ending: Ending;
    endAfterBytes: number;
    patienceMs: number;
  }[];
}

/** No client notices any of these. */
export interface DispatcherFault {
  kind: 'crash' | 'cut' | 'slow';
  /** 0 is the first */
  dispatcher: number;
  atMs: number;
  forMs: number;
  /** slow: so late it answers */
  byMs: number;
}

/** Everything that is drawn from the seed. */
export interface Scenario {
  cluster: ClusterOptions;
  clients: ClientPlan[];
  /** by server; null = its web application does not run */
  applications: (ServerOptions | null)[];
  faults: Fault[];
  dispatcherFaults: DispatcherFault[];
  /** servers that are too slow, too full or not there */
  isPressed: boolean;
  /** nothing that may break or refuse a request: every one must be answered */
  isCalm: boolean;
  /** no other trouble than cut control channels */
  isOnlyCut: boolean;
  /**
   * who waits gets an answer or RST: no server is too slow, and no switch has forgotten a connection
   * that its agent has forgotten, too (its client may have nothing to send by which one would notice)
   */
  endsEveryWait: boolean;
}

/**
 * How rough the run is; each part is off in some of the runs, so that the others are seen alone.
 */
export function drawScenario(random: Random): Scenario {
  const isRough = random.chance(0.6);
  const isPressed = random.chance(0.25);
  const hasFaults = random.chance(0.35);
  const servers = random.between(1, 3);
  const faults = hasFaults ? drawFaults(random, servers) : [];
  const cluster = drawCluster(random, servers, isRough, isPressed);
  const applications: (ServerOptions | null)[] = Array.from({ length: servers }, () =>
    drawApplication(random, isPressed, cluster.serverPort),
  );
  if (isPressed && random.chance(0.2)) applications[random.below(servers)] = null;
  const clients: ClientPlan[] = [];
  let requests = 1;
  const count = random.between(1, 6);
  for (let i = 0; i < count; i++) {
    const client = drawClient(random, isRough, isPressed, requests);
    requests += client.connections.reduce((sum, connection) => sum + connection.requests.length, 0);
    clients.push(client);
  }
  if (random.chance(0.15)) faults.push(...drawRestarts(random));
  const other = { dispatcherFaults: [], isPressed, ...withFaults(faults, isPressed) };
  return { cluster, clients, applications, ...other };
}

/** The faults, and what may be expected in spite of them. */
export function withFaults(faults: Fault[], isPressed: boolean) {
  const kinds = new Set(faults.map(({ kind }) => kind));
  const isOnlyCut = !isPressed && [...kinds].every((kind) => kind.startsWith('cut'));
  const isCalm = !isPressed && faults.length === 0;
  const endsEveryWait = !isPressed && !(kinds.has('restart') && kinds.has('crash'));
  return { faults, isCalm, isOnlyCut, endsEveryWait };
}

function drawLink(random: Random, isRough: boolean, slowestMs: number): Link {
  const delayMs = random.pick([0.05, 0.5, slowestMs / 4, slowestMs]);
  if (!isRough) return { ...PERFECT, delayMs };
  return {
    delayMs,
    jitterMs: random.pick([0, 0.5, delayMs / 2]),
    // most packets pass three links
    loss: random.pick([0, 0.005, 0.02, 0.03]),
    duplication: random.pick([0, 0.01, 0.05]),
    reordering: random.pick([0, 0.02, 0.1]),
    staleness: random.pick([0, 0, 0.01, 0.05]),
  };
}

function drawCluster(
  random: Random,
  servers: number,
  isRough: boolean,
  isPressed: boolean,
): ClusterOptions {
  const inner = isRough && random.chance(0.5);
  return {
    servers,
    serverPort: random.pick([80, 8080]),
    deviceLoss: isPressed ? random.pick([0, 0, 0.1, 0.4]) : 0,
    workers: random.pick([1, 1, 2, 4]),
    table: random.chance(0.2) ? 'paper' : 'keyed',
    policy: random.pick(['round-robin', 'least-connections', 'lard'] as const),
    requests: random.chance(0.3) ? 'per-request' : 'per-connection',
    timing: {
      lingerMs: random.pick([2000, 5000, 60_000]),
      idleTimeoutMs: 60_000,
      gatherTimeoutMs: 20_000,
      serverWaitMs: random.pick([0, 300, 5000]),
    },
    heldBytes: random.pick([4000, 65_536]),
    connections: 64,
    window: random.pick([16_384, 64_240]),
    isSteeringLoose: random.chance(0.2),
    hasPartialChecksums: random.chance(0.5),
    serverKernel: drawServerKernel(random),
    switchLink: drawLink(random, inner, 2),
    serverLink: drawLink(random, inner, 2),
    workerDelayMs: random.pick([0.02, 0.2, 2]),
    controlDelayMs: random.pick([0.05, 0.5, 5]),
    channelDelayMs: random.pick([0.1, 1, 20, 100]),
  };
}

/** Window scales and buffers that fit each other: no window is smaller than a few segments. */
const WINDOWS = [
  [NO_SCALE, 8000],
  [NO_SCALE, 65_535],
  [0, 65_535],
  [2, 100_000],
  [7, 262_144],
  [10, 1 << 22],
  [14, 1 << 26],
] as const;

function drawKernel(random: Random, without: number): Partial<KernelOptions> {
  const [scale, receiveBuffer] = random.pick(WINDOWS);
  return {
    timestamps: !random.chance(without),
    sack: !random.chance(without),
    scale,
    mss: random.pick([1460, 1400, 536]),
    receiveBuffer,
    retries: 9,
    orphanRetries: 6,
  };
}

/** Never a smaller buffer than what the switch's SYN-ACK promises in the server's name. */
function drawServerKernel(random: Random): Partial<KernelOptions> {
  const drawn = drawKernel(random, 0.1);
  return { ...drawn, receiveBuffer: Math.max(drawn.receiveBuffer!, 65_535) };
}

function drawApplication(random: Random, isPressed: boolean, port: number): ServerOptions {
  return {
    port,
    backlog: isPressed ? random.between(1, 3) : 64,
    deferTimeouts: random.chance(0.2) ? 2 : 0,
    acceptMs: isPressed ? random.pick([0, 50, 400, 1500]) : random.pick([0, 0.1, 5]),
    thinkMs: random.pick([0, 1, 100, 1500]),
    keepAliveLimit: random.pick([1, 3, 1000]),
    idleMs: 15_000,
  };
}

function drawFaults(random: Random, servers: number): Fault[] {
  return Array.from({ length: random.between(1, 3) }, () => ({
    kind: random.chance(0.6) ? ('cut' as const) : ('crash' as const),
    server: random.below(servers),
    atMs: random.between(1000, 6000),
    forMs: random.pick([50, 400, 1500, 1500, 4000]),
  }));
}

function drawRestarts(random: Random): Fault[] {
  return Array.from({ length: random.between(1, 2) }, () => ({
    kind: 'restart' as const,
    atMs: random.between(1500, 7000),
    // 0, or instead of a time: right behind that one, when nothing has come back yet
    atHandoff: random.chance(0.6) ? random.between(1, 5) : 0,
    forMs: random.pick([5, 50, 400, 1500, 4000]),
  }));
}

function drawClient(
  random: Random,
  isRough: boolean,
  isPressed: boolean,
  firstRequest: number,
): ClientPlan {
  const connections: ClientPlan['connections'] = [];
  const basePort = random.between(20_000, 60_000);
  let request = firstRequest;
  const count = random.between(1, isPressed ? 8 : 4);
  const isTogether = random.chance(0.3);
  let startMs = 1800; // when the control channels are up
  let canVanish = random.chance(0.15);
  for (let i = 0; i < count; i++) {
    startMs = isTogether ? startMs + random.fraction() : startMs + random.between(0, 1500);
    const requests = drawRequests(random, request);
    request += requests.length;
    const reuses = i > 0 && random.chance(0.3);
    const ending = canVanish && i === count - 1 ? 'vanish' : drawEnding(random);
    if (ending === 'vanish') canVanish = false;
    const last = requests[requests.length - 1];
    connections.push({
      port: reuses ? connections[random.below(i)]!.port : basePort + i,
      startMs: reuses ? startMs + random.pick([2000, 10_000]) : startMs,
      requests,
      ending,
      endAfterBytes: random.below((last?.kind === 'bytes' ? last.size : 40) + 1),
      patienceMs: 40_000,
    });
  }
  return {
    family: random.chance(0.25) ? 6 : 4,
    kernel: drawKernel(random, 0.2),
    link: drawLink(random, isRough, 40),
    connections,
  };
}

function drawEnding(random: Random): Ending {
  const drawn = random.fraction();
  if (drawn < 0.7) return 'close';
  return drawn < 0.85 ? 'half-close' : 'abort';
}

function drawRequests(random: Random, first: number): RequestPlan[] {
  const count = random.chance(0.06) ? 0 : random.pick([1, 1, 1, 2, 5]);
  return Array.from({ length: count }, (_, i) => {
    const kind = random.pick(['bytes', 'bytes', 'digest', 'identity'] as const);
    return {
      id: first + i,
      kind,
      size: random.pick([0, 1, 100, 3000, 20_000, 100_000]),
      thinkMs: random.pick([0, 0, 1, 30, 700, 3000]),
      pieces: random.chance(0.25)
        ? Array.from({ length: random.between(1, 6) }, () => random.between(1, 30))
        : [],
      closes: i === count - 1 && random.chance(0.3),
    };
  });
}
