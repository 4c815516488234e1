// The services: VIPs and ports of the switch. Few, so they are simply looked through.
import {
  HEADER_SERVICE_BASE,
  HEADER_SERVICE_COUNT,
  SERVICE_ADDRESS,
  SERVICE_FAMILY,
  SERVICE_PORT,
  SERVICE_SIZE,
  SERVICE_VIP,
} from './layout';
import { Chain } from './lookup/chain';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE } from './wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE } from './wire/ipv6';
import { TCP_DESTINATION_PORT } from './wire/tcp';

export class Services {
  /** Address of the service that a packet is for, 0 when it is for none. */
  static find(packet: usize, six: bool): usize {
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const port = load<u16>(tcp, TCP_DESTINATION_PORT);
    let service = <usize>load<u32>(0, HEADER_SERVICE_BASE);
    for (let left = load<u32>(0, HEADER_SERVICE_COUNT); left != 0; --left) {
      if (load<u16>(service, SERVICE_PORT) == port && Services.hasAddress(service, packet, six)) {
        return service;
      }
      service += SERVICE_SIZE;
    }
    return 0;
  }

  /** Whether a packet's destination is a VIP, whatever the port. */
  static isVip(packet: usize, six: bool): bool {
    let service = <usize>load<u32>(0, HEADER_SERVICE_BASE);
    for (let left = load<u32>(0, HEADER_SERVICE_COUNT); left != 0; --left) {
      if (Services.hasAddress(service, packet, six)) return true;
      service += SERVICE_SIZE;
    }
    return false;
  }

  @inline
  static index(service: usize): u32 {
    return (<u32>service - load<u32>(0, HEADER_SERVICE_BASE)) / SERVICE_SIZE;
  }

  /** Makes the packet what the client sent: its destination becomes the VIP. Checksums stay. */
  @inline
  static toVip(service: usize, packet: usize, six: bool): void {
    Services.aim(service + SERVICE_VIP, packet, six);
  }

  /** The packet as it arrived. */
  @inline
  static back(service: usize, packet: usize, six: bool): void {
    Services.aim(service + SERVICE_ADDRESS, packet, six);
  }

  @inline
  private static aim(address: usize, packet: usize, six: bool): void {
    if (six) v128.store(packet, v128.load(address), IPV6_DESTINATION);
    else store<u32>(packet, load<u32>(address), IPV4_DESTINATION);
  }

  @inline
  private static hasAddress(service: usize, packet: usize, six: bool): bool {
    const family = <u32>load<u8>(service, SERVICE_FAMILY);
    if (six) {
      return family == 6 && Chain.same16(service + SERVICE_ADDRESS, packet + IPV6_DESTINATION);
    }
    return (
      family == 4 && load<u32>(service, SERVICE_ADDRESS) == load<u32>(packet, IPV4_DESTINATION)
    );
  }
}
