import { HEADER_GATHER_TIMEOUT } from '../../assembly/layout.ts';
import type { DialTarget, TlsMaterial } from '../channel/control-channel.ts';
import type { Config, ServerConfig } from '../config/config.ts';
import { unusedTimeoutMs } from '../control/switch/sweep.ts';
import type { WebSwitch } from '../control/switch/web-switch.ts';
import { MTU, rewriteServices, segmentSize, type ServicePlace } from '../service-rows.ts';
import { sameAddress } from '../tuple.ts';
import type { Part } from './part.ts';
import type { PartChannels } from './part-channels.ts';
import { addVips, removeSwitchNetwork } from './switch-network.ts';

/** A client's segments must fit all the way: errors on it reach the client, who knows no server. */
export function servicePlaces({ services, switch: section }: Config): ServicePlace[] {
  const mtu = section?.mtu ?? MTU;
  return services.flatMap(({ vip, port, protocol, on = 'syn' }) => {
    const dispatch = protocol === 'tcp' ? on : 'request';
    return vip.map((address) => ({ address, port, dispatch, mss: segmentSize(mtu, address) }));
  });
}

function vipsOf({ services }: Config): Uint8Array[] {
  return services.flatMap(({ vip }) => vip);
}

export function dialTargets(servers: readonly ServerConfig[]): DialTarget[] {
  return servers.map(({ name, agent }) => ({ name, address: agent }));
}

/** What of a running switch follows a new configuration. */
export class Reloading {
  readonly #part: Part<WebSwitch>;
  readonly #channels: PartChannels;
  readonly #vips: Uint8Array[];
  /** servers that were taken out and have connections still */
  #leaving: ServerConfig[] = [];
  config: Config;

  constructor(config: Config, part: Part<WebSwitch>, channels: PartChannels) {
    this.#part = part;
    this.#channels = channels;
    this.config = config;
    this.#vips = vipsOf(config);
  }

  /** All VIPs that ever were: connections to one that was taken out go on. */
  get vips(): Uint8Array[] {
    return this.#vips;
  }

  async reload(next: Config, tls: TlsMaterial | undefined): Promise<void> {
    const isNew = (vip: Uint8Array): boolean => !this.#vips.some((old) => sameAddress(old, vip));
    const added = vipsOf(next).filter(isNew);
    if (added.length > 0) await this.#addVips(added);
    rewriteServices(this.#part.memory, servicePlaces(next));
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

  async #addVips(added: Uint8Array[]): Promise<void> {
    try {
      await addVips(this.#part.device, added);
    } catch (error) {
      await removeSwitchNetwork(added, this.#part.device);
      throw error;
    }
    this.#vips.push(...added);
  }

  #dial(): void {
    this.#channels.redial(dialTargets([...this.config.servers, ...this.#leaving]));
  }
}
