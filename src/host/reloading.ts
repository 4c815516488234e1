import { HEADER_GATHER_TIMEOUT } from '../../assembly/layout.ts';
import type { DialTarget, TlsMaterial } from '../channel/control-channel.ts';
import type { Prefix } from '../config/address.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import { unusedTimeoutMs } from '../control/switch/sweep.ts';
import type { SwitchPlane } from '../control/switch/switch-plane.ts';
import { rewriteServices } from '../service-rows.ts';
import { sameAddress } from '../tuple.ts';
import type { Part } from './part.ts';
import type { PartChannels } from './part-channels.ts';
import type { ServicePlaces } from './service-places.ts';
import { addPrefixes, removeSwitchNetwork } from './switch-network.ts';

/** Whose packets are led to the switch: its VIPs, or what a distributor has for those of others. */
function prefixesOf({ services, switch: section }: Config): Prefix[] {
  const vips = services.flatMap(({ vip }) => vip);
  return section?.addresses ?? vips.map((network) => ({ network, length: network.length * 8 }));
}

/** What splices is a part of this host. */
export function dialTargets(servers: readonly ServerConfig[]): DialTarget[] {
  const distant = servers.filter(({ splice }) => !splice);
  return distant.map(({ name, agent }) => ({ name, address: agent }));
}

export function dispatcherTargets({ dispatchers = [] }: Config): DialTarget[] {
  return dispatchers.map(({ name, control }) => ({ name, address: control }));
}

/** Of two switches of a group the one with the smaller name dials. */
export function peersToDial(self: string, peers: Config['peers'] = []): DialTarget[] {
  const others = peers.filter(({ name }) => self < name);
  return others.map(({ name, control }) => ({ name, address: control }));
}

/** What of a running switch follows a new configuration. */
export class Reloading {
  readonly #part: Part<SwitchPlane>;
  readonly #channels: PartChannels;
  readonly #prefixes: Prefix[];
  readonly #places: ServicePlaces;
  /** servers that were taken out and have connections still */
  #leaving: ServerConfig[] = [];
  config: Config;

  constructor(
    config: Config,
    part: Part<SwitchPlane>,
    channels: PartChannels,
    places: ServicePlaces,
  ) {
    this.#part = part;
    this.#channels = channels;
    this.config = config;
    this.#prefixes = [...prefixesOf(config)];
    this.#places = places;
  }

  /** All VIPs that ever were: connections to one that was taken out go on. */
  get prefixes(): Prefix[] {
    return this.#prefixes;
  }

  async reload(next: Config, tls: TlsMaterial | undefined): Promise<void> {
    const isNew = ({ network }: Prefix): boolean =>
      !this.#prefixes.some((old) => sameAddress(old.network, network));
    const added = prefixesOf(next).filter(isNew);
    const places = this.#places.of(next);
    if (added.length > 0) await this.#addPrefixes(added);
    rewriteServices(this.#part.memory, places);
    const { view } = this.#part.connections;
    view.setFloat64(HEADER_GATHER_TIMEOUT, unusedTimeoutMs(next.timing.gatherTimeoutMs), true);
    const isWanted = ({ name }: ServerConfig): boolean =>
      next.servers.some((server) => server.name === name);
    const before = [...this.config.servers, ...this.#leaving];
    this.#leaving = before.filter((server) => !isWanted(server));
    this.config = next;
    this.#channels.retune({ timing: next.timing, tls });
    this.#part.driver.receive({ kind: 'config', config: next });
    this.#dial();
  }

  /** Ends the channels of servers that were taken out when their last connection is over. */
  release(): void {
    const busy = this.#leaving.filter(({ name }) => this.#part.plane.isNeeded(name));
    if (busy.length === this.#leaving.length) return;
    this.#leaving = busy;
    this.#dial();
  }

  async #addPrefixes(added: Prefix[]): Promise<void> {
    try {
      await addPrefixes(this.#part.device, added);
    } catch (error) {
      await removeSwitchNetwork(added, this.#part.device);
      throw error;
    }
    this.#prefixes.push(...added);
  }

  #dial(): void {
    const { servers, peers, name } = this.config;
    const agents = dialTargets([...servers, ...this.#leaving]);
    const others = [...dispatcherTargets(this.config), ...peersToDial(name, peers)];
    this.#channels.redial([...agents, ...others]);
  }
}
