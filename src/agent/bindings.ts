import type { Address, Binding, ServiceOffer } from '../channel/messages.ts';
import { prefixSize } from '../config/address.ts';
import type { Prefix } from '../config/address.ts';
import { sameAddress } from '../tuple.ts';

/** A VIP and port of a group of switches, and its own addresses on this host. */
export interface AgentBinding extends Binding {
  group: string;
  index: number;
  /** where the server's kernel takes the connections of this VIP and port */
  service: Address;
}

/** The address `offset` behind the prefix's first; offsets below 65536. */
export function addressIn(prefix: Prefix, offset: number): Address {
  const address = prefix.network.slice();
  const view = new DataView(address.buffer);
  const at = address.length - 2;
  view.setUint16(at, view.getUint16(at) + offset);
  return address;
}

/** The address that the device itself has, so that loose reverse path filtering works on it. */
export function deviceAddress(servicePrefix: Prefix): Address {
  return addressIn(servicePrefix, prefixSize(servicePrefix) + 1);
}

/**
 * Gives each VIP and port of a group a handoff and a service address of its own: the same client port
 * may be open to two VIPs at once and would collide on one. All switches of a group get the same.
 */
export class Bindings {
  readonly #handoff: Prefix[];
  readonly #service: Prefix[];
  readonly #all: AgentBinding[] = [];
  readonly #used = new Map<number, number>();

  constructor(handoff: Prefix[], service: Prefix[]) {
    this.#handoff = handoff;
    this.#service = service;
  }

  /**
   * The binding of an offer; null when there is no prefix of its family or none of its addresses is left.
   * `server`: addresses of the one that is spliced; there the client's end tells connections apart.
   */
  give(group: string, offer: ServiceOffer, server?: readonly Address[]): AgentBinding | null {
    return this.find(group, offer.vip, offer.port) ?? this.#add(group, offer, server);
  }

  find(group: string, vip: Address, port: number): AgentBinding | null {
    const same = (binding: AgentBinding) =>
      binding.port === port && binding.group === group && sameAddress(binding.vip, vip);
    return this.#all.find(same) ?? null;
  }

  /** In the order in which they were given. */
  all(): readonly AgentBinding[] {
    return this.#all;
  }

  at(index: number): AgentBinding | undefined {
    return this.#all[index];
  }

  #add(
    group: string,
    { vip, port }: ServiceOffer,
    server: readonly Address[] | undefined,
  ): AgentBinding | null {
    const ofFamily = (prefix: Prefix) => prefix.network.length === vip.length;
    const handoff = this.#handoff.find(ofFamily);
    const used = this.#used.get(vip.length) ?? 0;
    if (!handoff || used >= prefixSize(handoff)) return null;
    const isOf = (address: Address) => address.length === vip.length;
    const service = server ? server.find(isOf) : this.#serviceAddress(vip.length, used);
    if (!service) return null;
    this.#used.set(vip.length, used + 1);
    const binding: AgentBinding = {
      group,
      index: this.#all.length,
      vip,
      port,
      handoff: addressIn(handoff, used + 1),
      handoffPort: port,
      service,
    };
    this.#all.push(binding);
    return binding;
  }

  #serviceAddress(bytes: number, used: number): Address | null {
    const prefix = this.#service.find(({ network }) => network.length === bytes);
    return prefix && used < prefixSize(prefix) ? addressIn(prefix, used + 1) : null;
  }
}
