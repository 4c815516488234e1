import { peerViews, type PeerView } from '../admin/peers.ts';
import { HEADER_LEASE_BASE, LEASE_SIZE } from '../../assembly/layout.ts';
import { Agent } from '../agent/agent.ts';
import type { FormerRun } from '../agent/former.ts';
import { AgentNetwork, checkVips } from '../agent/network.ts';
import { findingText } from '../agent/traps.ts';
import type { Hello, Message } from '../channel/messages.ts';
import { ControlChannels } from '../channel/control-channel.ts';
import { monotonicMs } from '../clock.ts';
import type { Endpoint } from '../config/address.ts';
import type { TakeoverConfig } from '../config/config.ts';
import { splicedServers, splicingPart } from '../config/splicing.ts';
import type { Core } from '../core.ts';
import type { PlaneEvent } from '../event.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../memory-map.ts';
import { channelEvents, channelsByPeer, randomSeeds, type Ground } from './ground.ts';
import { deviceBytes } from '../packet-io/engine.ts';
import { countActive, whenNoneIsLeft } from './drain.ts';
import { KeptTable } from './kept-table.ts';
import { Part, type PartMemory } from './part.ts';
import { PartChannels } from './part-channels.ts';
import { connectionsOf, viewOf, type RunningPart } from './running-part.ts';

const LEASE_INTERVAL_MS = 100;
const LEAVING_LIMIT_MS = 1000;

/** With the table in a file when it is to be kept. */
function makeMemory(
  { config, engine }: Ground,
  section: TakeoverConfig,
  kept: KeptTable | undefined,
): PartMemory {
  const map = memoryMap({
    role: 'agent',
    connections: section.connections,
    workers: config.workers,
    deviceBytes: deviceBytes(engine, config.workers),
    seeds: randomSeeds(),
    serviceNetworks: section.splice?.addresses ?? section.service,
    splices: section.splice !== undefined,
    isMapped: kept !== undefined,
  });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  kept?.map(memory, map.deviceBases[0]);
  return { memory, rings: map.deviceBases };
}

/**
 * Handoffs that have begun end before the agent does, and no other begins: the next run would have to
 * take them back.
 */
function finishReplays({ plane }: Part<Agent>, untilMs: number): Promise<number> {
  plane.leave();
  return whenNoneIsLeft(() => plane.underWay, untilMs);
}

/** Without a table in a file connections end with the agent: responses under way go out first. */
function finishResponses(part: Part<Agent>, untilMs: number): Promise<number> {
  const { plane, connections } = part;
  plane.leave();
  return whenNoneIsLeft(() => plane.underWay + countActive(connections, monotonicMs()), untilMs);
}

/** Which VIPs there are is known when a switch names them: some do not work on this host. */
async function tellAboutVips({ services }: Hello, notice: Ground['notice']): Promise<void> {
  try {
    for (const found of await checkVips(services.map(({ vip }) => vip))) notice(findingText(found));
  } catch (error) {
    notice(`cannot check the VIPs on this host: ${(error as Error).message}`);
  }
}

function makeChannels(
  { config, tls, local, notice, frontPort }: Ground,
  listen: Endpoint | undefined,
  part: Part<Agent>,
  kept: KeptTable | undefined,
): PartChannels {
  const receive = (event: PlaneEvent): void => {
    part.driver.receive(event);
    // before a handoff can bring an index that only this process knows
    if (event.kind === 'channel-up') kept?.writeNames(part.plane.names());
    if (event.kind === 'channel-up') void tellAboutVips(event.hello, notice);
  };
  const on = channelEvents(receive, notice);
  local?.listen(on);
  const send = (to: string, message: Message): boolean => remote.send(to, message);
  const remote: ControlChannels = new ControlChannels({
    name: config.name,
    hello: () => {
      throw new Error('an agent dials nobody');
    },
    tls,
    insecure: config.insecure,
    listen,
    timing: config.timing,
    now: monotonicMs,
    on: frontPort ? frontPort.listen(on, send) : on,
  });
  return new PartChannels(remote, () => local?.listeners() ?? []);
}

/**
 * Copies the channels' lease deadlines to where workers compare them. A channel that was lost or is new
 * has none; what an older one proved still holds until its time is over, so deadlines never go back.
 */
function writeLeases(part: Part<Agent>, channels: PartChannels): void {
  const { view } = part.connections;
  for (const { name } of channels.peers()) {
    const lease = part.plane.leaseOf(name);
    if (lease === null) continue;
    const at = view.getUint32(HEADER_LEASE_BASE, true) + lease * LEASE_SIZE;
    const deadlineMs = Math.max(channels.leaseDeadlineMs(name), view.getFloat64(at, true));
    view.setFloat64(at, deadlineMs, true);
  }
}

function peersOf({ plane, connections }: Part<Agent>, channels: PartChannels): PeerView[] {
  const up = new Set(channels.peers().flatMap((peer) => (peer.up ? [peer.name] : [])));
  const known = plane.names().peers.map((peer) => ({ ...peer, up: up.has(peer.name) }));
  return peerViews(known, connections);
}

/** An agent that goes on with the connections of an earlier run, if there are any. */
function makePlane(
  ground: Ground,
  section: TakeoverConfig,
  core: Core,
  former: FormerRun | undefined,
  leaseDeadlineMs: (peer: string) => number,
): Agent {
  const { config, run, notice } = ground;
  const agent = new Agent({
    core,
    config: { ...config, agent: section },
    run,
    random: Math.random,
    hostName: config.name,
    leaseDeadlineMs,
    notice,
  });
  const adopted = former ? agent.adopt(former, monotonicMs()) : 0;
  if (adopted > 0) notice(`goes on with ${adopted} connections of an earlier run`);
  return agent;
}

/** Starts the role `agent`; comes back when it listens. Throws when it cannot, with nothing left over. */
export async function startAgent(ground: Ground): Promise<RunningPart> {
  const { config } = ground;
  const section = config.agent;
  if (!section) throw new Error(`${config.file}: role agent has no section "agent"`);
  return startTakeover(ground, section, section.listen);
}

/** Starts what splices for the switch of this host; it listens to that one alone. */
export async function startSplicing(ground: Ground): Promise<RunningPart> {
  const { config, splices } = ground;
  const wanted = config.switch?.splice;
  if (!wanted || !splices) throw new Error(`${config.file}: no section "switch.splice"`);
  const section = splicingPart(wanted, config);
  const own = { ...ground, local: splices, frontPort: undefined };
  const part = await startTakeover(own, section, undefined);
  return {
    ...part,
    // a server may be the first one that is spliced
    isUp: () => splices.listeners().length === 0 || part.isUp(),
    reload: async (next, tls) => {
      await part.reload(next, tls);
      splices.open(splicedServers(next).keys());
    },
  };
}

async function startTakeover(
  ground: Ground,
  section: TakeoverConfig,
  listen: Endpoint | undefined,
): Promise<RunningPart> {
  const { config, engine, module, notice, debug } = ground;
  const kept = section.state === undefined ? undefined : new KeptTable(section.state, config.name);
  const former = kept?.read();
  const { memory, rings } = makeMemory(ground, section, kept);
  const part: Part<Agent> = new Part({
    role: 'agent',
    engine,
    device: section.device,
    keepsDevice: kept !== undefined,
    workers: config.workers,
    rings,
    module,
    memory,
    makePlane: (core) =>
      makePlane(ground, section, core, former, (peer) => channels.leaseDeadlineMs(peer)),
    send: (to, message) => channels.send(to, message),
    notice,
    debug,
  });
  kept?.commit(part.plane.names());
  const channels = makeChannels(ground, listen, part, kept);
  const network = new AgentNetwork({ ...section, splice: section.splice?.addresses });
  const timer = setInterval(() => writeLeases(part, channels), LEASE_INTERVAL_MS);
  const stop = async (): Promise<void> => {
    if (kept) await finishReplays(part, monotonicMs() + LEAVING_LIMIT_MS);
    clearInterval(timer);
    await channels.stop();
    await part.stop();
    if (!kept) await network.remove();
    kept?.close();
  };
  try {
    for (const found of await network.setUp()) notice(findingText(found));
    await part.start();
    await channels.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    view: () =>
      viewOf(part, { control: part.plane.stats(), channels: channelsByPeer(channels.peers()) }),
    connections: () => connectionsOf(part, (peer) => `peer ${peer}`),
    services: () => [],
    servers: () => [],
    setMode: () => {},
    rebalance: () => [],
    peers: () => peersOf(part, channels),
    reload: async (next, tls) => {
      channels.retune({ timing: next.timing, tls });
      part.driver.receive({ kind: 'config', config: next });
    },
    isUp: () => channels.peers().some((peer) => peer.up),
    pool: part.pool,
    drain: (untilMs) => (kept ? finishReplays : finishResponses)(part, untilMs),
    stop,
  };
}
