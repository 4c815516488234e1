import { addressIn } from '../agent/bindings.ts';
import { formatEndpoint, prefixSize, type Prefix } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { MTU, segmentSize, type ServicePlace } from '../service-rows.ts';

/**
 * Where packets of each VIP and port arrive: at the VIP, or for a distributor behind a switch at an
 * address of its own, since there a packet's destination is all that tells VIPs apart. What was given
 * stays given.
 */
export class ServicePlaces {
  readonly #prefixes: readonly Prefix[] | undefined;
  readonly #given = new Map<string, Uint8Array>();
  readonly #used = new Map<number, number>();

  constructor(prefixes: readonly Prefix[] | undefined) {
    this.#prefixes = prefixes;
  }

  /**
   * Of all services. A client's segments must fit all the way: errors on it reach the client, who knows no
   * server. Throws when no address is left.
   */
  of({ services, switch: section, peers }: Config): ServicePlace[] {
    const mtu = section?.mtu ?? MTU;
    // a cookie is good at each switch of a group, wherever the ACK comes
    const first = peers ? 'ack' : 'syn';
    return services.flatMap(({ vip, port, protocol, on = first }) => {
      const dispatch = protocol === 'tcp' ? on : 'request';
      return vip.map((address): ServicePlace => {
        const place = { port, dispatch, mss: segmentSize(mtu, address) } as const;
        return { ...place, address: this.#arrival(address, port), vip: address };
      });
    });
  }

  #arrival(vip: Uint8Array, port: number): Uint8Array {
    if (!this.#prefixes) return vip;
    const key = formatEndpoint(vip, port);
    const known = this.#given.get(key);
    if (known) return known;
    const prefix = this.#prefixes.find(({ network }) => network.length === vip.length);
    const used = this.#used.get(vip.length) ?? 0;
    if (!prefix || used >= prefixSize(prefix)) {
      throw new Error(`no address is left for ${key}: widen distributor.addresses`);
    }
    const arrival = addressIn(prefix, used + 1);
    this.#used.set(vip.length, used + 1);
    this.#given.set(key, arrival);
    return arrival;
  }
}
