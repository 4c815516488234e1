import { setTimeout as delay } from 'node:timers/promises';
import * as L from '../../assembly/layout.ts';
import { serviceViews, standingViews } from '../admin/services.ts';
import { ControlChannels, type PeerState } from '../channel/control-channel.ts';
import { monotonicMs, wallMs } from '../clock.ts';
import type { Config, SwitchConfig } from '../config/config.ts';
import { writeCookieKeys } from '../control/switch/cookie-keys.ts';
import { unusedTimeoutMs } from '../control/switch/sweep.ts';
import { FrontSwitch } from '../control/front/front-switch.ts';
import type { SwitchPlane } from '../control/switch/switch-plane.ts';
import { WebSwitch } from '../control/switch/web-switch.ts';
import type { Core } from '../core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../memory-map.ts';
import { channelEvents, channelsByPeer, randomSeeds, type Ground } from './ground.ts';
import { deviceBytes } from '../packet-io/engine.ts';
import { whenNoneIsLeft } from './drain.ts';
import { HealthChecks, checksByHandoff } from './health-checks.ts';
import { Part, type PartMemory } from './part.ts';
import { PartChannels } from './part-channels.ts';
import { connectionsOf, viewOf, type RunningPart } from './running-part.ts';
import { Reloading, dialTargets, dispatcherTargets, peersToDial } from './reloading.ts';
import { ServicePlaces } from './service-places.ts';
import { acceptOwnClients, removeSwitchNetwork, setUpSwitchNetwork } from './switch-network.ts';

const KEYS_INTERVAL_MS = 1000;
const SERVERS_LIMIT_MS = 2000;
const HALF_OPEN_PER_SERVER = 32;
/** of the table, at most one in so many */
const HALF_OPEN_SHARE = 10;

/**
 * The servers' kernels hold half-open connections too, and answer no SYN when their queues (of 128 at
 * sshd and the like) are nearly full: then not even proven clients get through.
 */
function unprovenLimit(config: Config, { halfOpen, connections }: SwitchConfig): number {
  // distributors answer with cookies: a SYN costs them nothing that is scarce
  const most = config.inFront ? connections : HALF_OPEN_PER_SERVER * config.servers.length;
  const wanted = halfOpen ?? most;
  return Math.min(wanted, Math.floor(connections / HALF_OPEN_SHARE));
}

function makeMemory(
  { config, engine }: Ground,
  section: SwitchConfig,
  places: ServicePlaces,
): PartMemory {
  const map = memoryMap({
    role: 'switch',
    table: section.table,
    connections: section.connections,
    workers: config.workers,
    deviceBytes: deviceBytes(engine, config.workers),
    seeds: randomSeeds(),
    gatherTimeoutMs: unusedTimeoutMs(config.timing.gatherTimeoutMs),
    unprovenLimit: unprovenLimit(config, section),
    services: places.of(config),
  });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  return { memory, rings: map.deviceBases };
}

function makeChannels(ground: Ground, part: Part<SwitchPlane>): PartChannels {
  const { config, tls, notice, frontPort } = ground;
  const on = channelEvents((event) => part.driver.receive(event), notice);
  const locals = [ground.local, ground.splices].filter((local) => local !== undefined);
  for (const local of locals) local.dial(on, (name) => part.plane.hello(name));
  const isLocal = (name: string) => locals.some((local) => local.has(name));
  const distant = config.servers.filter(({ name }) => !isLocal(name));
  const remote = new ControlChannels({
    name: config.name,
    hello: () => part.plane.hello(),
    tls,
    insecure: config.insecure,
    dial: [
      ...dialTargets(distant),
      ...dispatcherTargets(config),
      ...peersToDial(config.name, config.peers),
    ],
    listen: config.switch?.listen,
    timing: config.timing,
    now: monotonicMs,
    on,
  });
  const ends = () => locals.flatMap((local) => local.dialers());
  return new PartChannels(remote, ends, frontPort);
}

/** Agents, and switches in front, that there is a channel to; dispatchers and other switches are no such. */
function reached(channels: PartChannels, { dispatchers = [], peers = [] }: Config): PeerState[] {
  const others = [...dispatchers, ...peers].map(({ name }) => name);
  return channels.peers().filter(({ name, up }) => up && !others.includes(name));
}

/** A switch whose servers are not all there in time begins without them. */
async function waitForServers(channels: PartChannels, config: Config): Promise<void> {
  const deadline = monotonicMs() + SERVERS_LIMIT_MS;
  const up = (): number => reached(channels, config).length;
  while (up() < config.servers.length && monotonicMs() < deadline) await delay(5);
}

function makePlane({ config, run }: Ground, core: Core): SwitchPlane {
  const options = { core, config, run, random: Math.random, hostName: config.name };
  const plane = config.inFront ? new FrontSwitch(options) : new WebSwitch(options);
  // its workers answer clients before anything comes to it: they belong to its time, too
  plane.receive({ kind: 'time' }, monotonicMs());
  return plane;
}

/**
 * Starts a host's switch, or its distributor; comes back when it forwards. Throws when it cannot, with
 * nothing left over.
 */
export async function startSwitch(ground: Ground): Promise<RunningPart> {
  const { config, engine, module, local, splices, notice, debug, frontPort } = ground;
  const section = config.switch;
  if (!section) throw new Error(`${config.file}: role switch has no section "switch"`);
  const places = new ServicePlaces(section.addresses);
  const { memory, rings } = makeMemory(ground, section, places);
  const keys = (): void => writeCookieKeys({ memory }, section.key, wallMs());
  keys();
  const part: Part<SwitchPlane> = new Part({
    role: 'switch',
    engine,
    device: section.device,
    workers: config.workers,
    rings,
    module,
    memory,
    makePlane: (core) => makePlane(ground, core),
    send: (to, message) => channels.send(to, message),
    notice,
    debug,
  });
  const channels = makeChannels(ground, part);
  const reloading = new Reloading(config, part, channels, places);
  const checks = new HealthChecks(config, (event) => part.driver.receive(event), notice);
  const timer = setInterval(() => {
    keys();
    reloading.release();
  }, KEYS_INTERVAL_MS);
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    checks.stop();
    local?.close();
    splices?.close();
    await channels.stop();
    await part.stop();
    frontPort?.detach();
    await removeSwitchNetwork(reloading.prefixes);
  };
  try {
    await setUpSwitchNetwork(section.device, reloading.prefixes);
    if (checksByHandoff(config)) await acceptOwnClients(section.device);
    await part.start();
    await channels.start();
    local?.open();
    splices?.open();
    frontPort?.attach(channelEvents((event) => part.driver.receive(event), notice));
    await waitForServers(channels, config);
    checks.configure();
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...operated(part, channels, reloading, checks), stop };
}

/**
 * Answers no new client, whose SYN comes again to the next run or to another switch; requests that have
 * come find their servers. Connections that servers have need no waiting: agents tell of them.
 */
function finishHandoffs(part: Part<SwitchPlane>, untilMs: number): Promise<number> {
  part.connections.view.setUint32(L.HEADER_LEAVING, 1, true);
  return whenNoneIsLeft(() => part.plane.underWay, untilMs);
}

/** What an operator sees of it and may do with it. */
function operated(
  part: Part<SwitchPlane>,
  channels: PartChannels,
  reloading: Reloading,
  checks: HealthChecks,
): Omit<RunningPart, 'stop'> {
  const counts = () => part.plane.stats().servers;
  return {
    view: () =>
      viewOf(part, { control: part.plane.stats(), channels: channelsByPeer(channels.peers()) }),
    connections: () => connectionsOf(part, (server) => part.plane.serverName(server)),
    services: () => serviceViews(reloading.config, part.connections, counts()),
    servers: () => {
      const { servers, queues } = part.plane.stats();
      return standingViews(reloading.config, part.connections, servers, queues);
    },
    setMode: (server, mode, moves) => {
      part.driver.receive({ kind: 'mode', server, mode, moves });
      checks.setMode(server, mode);
    },
    rebalance: (moves) => {
      const planned = part.plane.shares();
      if (moves) part.driver.receive({ kind: 'rebalance' });
      return planned;
    },
    peers: () => [],
    reload: async (next, tls) => {
      await reloading.reload(next, tls);
      if (checksByHandoff(next)) await acceptOwnClients(next.switch!.device);
      checks.configure(next);
    },
    isUp: () => reached(channels, reloading.config).length > 0,
    pool: part.pool,
    drain: (untilMs) => finishHandoffs(part, untilMs),
  };
}
