// Echo requests to a VIP: the switch answers for the service, whatever its servers do.
import { SLOT_PACKET, WORKER_ECHOES, WORKER_ECHO_SECOND, WORKER_SECOND } from '../layout';
import { Counters } from '../counters';
import { Chain } from '../lookup/chain';
import {
  COUNTER_ECHOES_ANSWERED,
  DROP_ICMP_LIMIT,
  DROP_NOT_SERVICE,
  VERDICT_ANSWER,
} from '../verdict';
import { ICMP6_ECHO_REPLY, ICMP_ECHO_REPLY, ICMP_TYPE } from '../wire/icmp';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE, IPV4_TTL } from '../wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_HOP_LIMIT, IPV6_SOURCE } from '../wire/ipv6';
import { IcmpPacket } from './message';

/** A second and worker, as many as Linux sends of what it limits (net.ipv4.icmp_msgs_per_sec). */
const ECHOES_PER_SECOND: u32 = 1000;
const HOP_LIMIT: u32 = 64;

export class Echo {
  /** Makes the request its reply. A verdict. */
  static answer(worker: usize, slot: usize): u32 {
    const packet = slot + SLOT_PACKET;
    const six = IcmpPacket.isSix(packet);
    if (Echo.isToItself(packet, six)) return DROP_NOT_SERVICE << 8;
    if (!Echo.allows(worker)) return DROP_ICMP_LIMIT << 8;
    if (six) Echo.turn6(packet);
    else Echo.turn4(packet);
    IcmpPacket.complete(slot);
    Counters.add(worker, COUNTER_ECHOES_ANSWERED, 1);
    return VERDICT_ANSWER;
  }

  /** The answer would come back here. */
  @inline
  private static isToItself(packet: usize, six: bool): bool {
    return six
      ? Chain.same16(packet + IPV6_SOURCE, packet + IPV6_DESTINATION)
      : load<u32>(packet, IPV4_SOURCE) == load<u32>(packet, IPV4_DESTINATION);
  }

  private static allows(worker: usize): bool {
    const second = load<u32>(worker, WORKER_SECOND);
    if (load<u32>(worker, WORKER_ECHO_SECOND) != second) {
      store<u32>(worker, second, WORKER_ECHO_SECOND);
      store<u32>(worker, 0, WORKER_ECHOES);
    }
    const count = load<u32>(worker, WORKER_ECHOES);
    store<u32>(worker, count + 1, WORKER_ECHOES);
    return count < ECHOES_PER_SECOND;
  }

  private static turn4(packet: usize): void {
    const source = load<u32>(packet, IPV4_SOURCE);
    store<u32>(packet, load<u32>(packet, IPV4_DESTINATION), IPV4_SOURCE);
    store<u32>(packet, source, IPV4_DESTINATION);
    store<u8>(packet, HOP_LIMIT, IPV4_TTL);
    store<u8>(packet + IPV4_HEADER_SIZE, ICMP_ECHO_REPLY, ICMP_TYPE);
  }

  private static turn6(packet: usize): void {
    const source = v128.load(packet, IPV6_SOURCE);
    v128.store(packet, v128.load(packet, IPV6_DESTINATION), IPV6_SOURCE);
    v128.store(packet, source, IPV6_DESTINATION);
    store<u8>(packet, HOP_LIMIT, IPV6_HOP_LIMIT);
    store<u8>(packet + IPV6_HEADER_SIZE, ICMP6_ECHO_REPLY, ICMP_TYPE);
  }
}
