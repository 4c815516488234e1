import type { PeerView } from './admin/peers.ts';
import type { ServiceView, StandingView } from './admin/services.ts';
import { AdminServer } from './admin/server.ts';
import type { ConnectionView, StatsView } from './admin/views.ts';
import { monotonicMs } from './clock.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { compileCore } from './core.ts';
import { startAgent, startSplicing } from './host/agent-part.ts';
import {
  frontPort,
  localChannels,
  randomRun,
  readTls,
  spliceChannels,
  type Ground,
} from './host/ground.ts';
import { startDispatcher, type RunningDispatcher } from './host/dispatcher-part.ts';
import { chooseEngine } from './packet-io/engine.ts';
import { Reloader, type Reloaded } from './host/reloader.ts';
import type { RunningPart, RunningRole } from './host/running-part.ts';
import { serverActions } from './host/server-actions.ts';
import { startSwitch } from './host/switch-part.ts';
import type { WorkerPool } from './workers/pool.ts';

export interface RunOptions {
  /** what an operator should know, one line each; standard error when omitted */
  notice?: (text: string) => void;
  /** the line that says that it works; standard output when omitted */
  say?: (line: string) => void;
  /** reads the configuration anew for a reload; throws ConfigError. By default from its file */
  load?: (running: Config) => Config;
  /** workers obey debug commands (tests only) */
  debug?: boolean;
}

export interface HealthView {
  name: string;
  roles: string[];
  /** every role has a peer that can be reached */
  ok: boolean;
  uptimeMs: number;
}

/** A host whose roles all work. */
export interface RunningHost {
  stats: () => StatsView;
  connections: () => ConnectionView[];
  services: () => ServiceView[];
  servers: () => StandingView[];
  /** who gives connections to this host's agent */
  peers: () => PeerView[];
  health: () => HealthView;
  /** Takes the configuration as it is now; a wrong one changes nothing. Never rejects. */
  reload: () => Promise<Reloaded>;
  /** the threads of each role; only tests touch them */
  pools: WorkerPool[];
  /**
   * Takes no new client, and comes back when what is under way has ended, at the latest after
   * `timing.drainMs`: then with how many requests or connections had not. From then on not healthy.
   */
  drain: () => Promise<number>;
  /** how long `drain` may take, as configured now */
  drainMs: () => number;
  /** Ends everything; comes back when devices and sockets are closed. */
  stop: () => Promise<void>;
}

/** What runs on a host: roles with devices, and maybe a dispatcher for others. */
interface Started {
  parts: RunningPart[];
  dispatcher: RunningDispatcher | undefined;
  /** it ends what is under way, and then itself */
  isLeaving: boolean;
}

async function startRoles(config: Config, ground: Ground): Promise<Started> {
  const parts: RunningPart[] = [];
  let dispatcher: RunningDispatcher | undefined;
  try {
    // those that take over first: a switch on the same host opens their channels
    if (config.roles.includes('agent')) parts.push(await startAgent(ground));
    if (config.switch?.splice) parts.push(await startSplicing(ground));
    if (config.switch) parts.push(await startSwitch(ground));
    if (config.dispatcher) dispatcher = await startDispatcher(ground);
  } catch (error) {
    for (const part of parts) await part.stop();
    throw error;
  }
  return { parts, dispatcher, isLeaving: false };
}

function rolesOf({ parts, dispatcher }: Started): RunningRole[] {
  return dispatcher ? [...parts, dispatcher] : parts;
}

function describe(
  config: Config,
  started: Started,
): Omit<RunningHost, 'stop' | 'reload' | 'drain' | 'drainMs'> {
  const { parts, dispatcher } = started;
  const { name, roles } = config;
  const startedMs = monotonicMs();
  const uptimeMs = (): number => Math.round(monotonicMs() - startedMs);
  return {
    stats: () => ({
      name,
      roles,
      pid: process.pid,
      uptimeMs: uptimeMs(),
      parts: parts.map((part) => part.view()),
      ...(dispatcher && { dispatcher: dispatcher.view() }),
    }),
    connections: () => parts.flatMap((part) => part.connections()),
    services: () => parts.flatMap((part) => part.services()),
    servers: () => parts.flatMap((part) => part.servers()),
    peers: () => parts.flatMap((part) => part.peers()),
    pools: parts.map((part) => part.pool),
    health: () => {
      const ok = !started.isLeaving && rolesOf(started).every((role) => role.isUp());
      return { name, roles, ok, uptimeMs: uptimeMs() };
    },
  };
}

/** One role after the other, who gives connections before those that take them. */
async function drainRoles(started: Started, limitMs: number): Promise<number> {
  started.isLeaving = true;
  const untilMs = monotonicMs() + limitMs;
  let left = 0;
  for (const role of rolesOf(started).toReversed()) left += await role.drain(untilMs);
  return left;
}

/**
 * Runs what the configuration's roles need on this host. Prints `baton: NAME ready` when it forwards.
 * Throws, with nothing left over, when a device, address or file cannot be had.
 */
export async function runHost(config: Config, options: RunOptions = {}): Promise<RunningHost> {
  const notice = options.notice ?? ((text) => console.error(text.replace(/^/gm, 'baton: ')));
  const say = options.say ?? ((line) => console.log(line));
  const ground: Ground = {
    config,
    engine: chooseEngine(config.engine),
    module: await compileCore(),
    run: randomRun(),
    tls: readTls(config),
    local: localChannels(config),
    splices: spliceChannels(config),
    frontPort: frontPort(config),
    notice,
    debug: options.debug ?? false,
  };
  const started = await startRoles(config, ground);
  const { parts } = started;
  const running = rolesOf(started);
  const load = options.load ?? ((before) => loadConfig(config.file, { running: before }));
  const reloader = new Reloader(ground, running, parts, load);
  const drainMs = (): number => reloader.config.timing.drainMs;
  const host = {
    ...describe(config, started),
    reload: () => reloader.reload(),
    drain: () => drainRoles(started, drainMs()),
    drainMs,
  };
  const views = {
    '/stats': host.stats,
    '/connections': host.connections,
    '/services': host.services,
    '/servers': host.servers,
    '/peers': host.peers,
    '/health': host.health,
  };
  const admin = new AdminServer(config.admin, views, {
    '/reload': host.reload,
    ...serverActions(parts, reloader, notice),
  });
  const stopParts = async (): Promise<void> => {
    for (const role of running.toReversed()) await role.stop();
  };
  try {
    await admin.start();
  } catch (error) {
    await stopParts();
    throw error;
  }
  say(`baton: ${config.name} ready`);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await admin.stop();
    await stopParts();
  };
  return { ...host, stop: () => (stopping ??= stop()) };
}
