// ICMP and ICMPv6. It comes here only when the packet is no TCP: the path of TCP does not know of it.
//
//   echo request to a VIP      answered by the switch itself, so many a second and worker
//   error about a connection   goes where the connection's packets go, its quoted packet translated
//   everything else            dropped, each with its reason
import {
  ENTRY_SERVER_PORT,
  ENTRY_STATE,
  HEADER_ROLE,
  HEADER_TABLE_MODE,
  NO_ENTRY,
  ROLE_SWITCH,
  SLOT_ENTRY,
  SLOT_PACKET,
  STATE_DRAINING,
  STATE_FORWARD,
  STATE_HELD,
  STATE_REQUESTS,
  TABLE_PAPER,
} from '../layout';
import { Chain, KEY_LOCAL4, KEY_LOCAL6, KEY_VIP4, KEY_VIP6 } from '../lookup/chain';
import { Hash } from '../lookup/hash';
import { Pool } from '../lookup/pool';
import { BUSY, Reader } from '../lookup/reader';
import { AGAIN, ToControl } from '../to-control';
import {
  DROP_ICMP_LIMIT,
  DROP_ICMP_STATE,
  DROP_NO_ENTRY,
  DROP_TABLE_BUSY,
  VERDICT_FORWARD,
} from '../verdict';
import { Workers } from '../workers';
import { Echo } from './echo';
import { ErrorLimit } from './error-limit';
import { IcmpPacket, MESSAGE_ECHO, MESSAGE_ERROR } from './message';
import { Quoted } from './quoted';
import { IcmpRewrite } from './rewrite';

const ATTEMPTS: u32 = 4;

export class Icmp {
  /** A packet that is not TCP. A verdict. */
  static packet(worker: usize, slot: usize): u32 {
    store<u32>(slot, NO_ENTRY, SLOT_ENTRY);
    const kind = IcmpPacket.classify(slot);
    if (kind == MESSAGE_ECHO) return Echo.answer(worker, slot);
    if (kind != MESSAGE_ERROR) return kind << 8;
    const reason = Quoted.check(slot);
    if (reason != 0) return reason << 8;
    for (let left = ATTEMPTS; left != 0; --left) {
      const entry = Icmp.find(worker, slot);
      if (entry <= BUSY) return (entry == 0 ? DROP_NO_ENTRY : DROP_TABLE_BUSY) << 8;
      store<u32>(slot, Pool.index(entry), SLOT_ENTRY);
      const verdict = Icmp.known(worker, slot, entry);
      if (verdict != AGAIN) return verdict;
    }
    return DROP_TABLE_BUSY << 8;
  }

  /** An error that control held; its entry is in Workers.copy. */
  static held(worker: usize, slot: usize): u32 {
    const kind = IcmpPacket.classify(slot);
    if (kind != MESSAGE_ERROR) return (kind == MESSAGE_ECHO ? DROP_NO_ENTRY : kind) << 8;
    const reason = Quoted.check(slot);
    if (reason != 0) return reason << 8;
    const copy = Workers.copy(worker);
    const six = IcmpPacket.isSix(slot + SLOT_PACKET);
    const quoted = Quoted.of(slot + SLOT_PACKET);
    const client = Quoted.client(quoted, six);
    const local = Quoted.local(quoted, six);
    const ports = Quoted.ports(quoted, six);
    const matches = six
      ? Chain.matches(KEY_LOCAL6, copy, client, local, ports) ||
        (Icmp.isAgent() && Chain.matches(KEY_VIP6, copy, client, local, ports))
      : Chain.matches(KEY_LOCAL4, copy, client, local, ports) ||
        (Icmp.isAgent() && Chain.matches(KEY_VIP4, copy, client, local, ports));
    // without a server's port nothing was handed off
    if (!matches || load<u16>(copy, ENTRY_SERVER_PORT) == 0) return DROP_NO_ENTRY << 8;
    IcmpRewrite.error(worker, slot, copy);
    return VERDICT_FORWARD;
  }

  @inline
  private static isAgent(): bool {
    return load<u32>(0, HEADER_ROLE) != ROLE_SWITCH;
  }

  /**
   * By the tuple of the quoted packet, which went from local address to client. At the agent its host
   * may be the router that complains: of a packet that came out of the agent, from the VIP.
   */
  private static find(worker: usize, slot: usize): usize {
    const six = IcmpPacket.isSix(slot + SLOT_PACKET);
    const entry = six
      ? Icmp.findBy(KEY_LOCAL6, worker, slot, true)
      : Icmp.findBy(KEY_LOCAL4, worker, slot, false);
    if (entry != 0 || !Icmp.isAgent()) return entry;
    return six
      ? Icmp.findBy(KEY_VIP6, worker, slot, true)
      : Icmp.findBy(KEY_VIP4, worker, slot, false);
  }

  @inline
  private static findBy(kind: u32, worker: usize, slot: usize, six: bool): usize {
    const paper = load<u32>(0, HEADER_TABLE_MODE) == TABLE_PAPER;
    const quoted = Quoted.of(slot + SLOT_PACKET);
    const client = Quoted.client(quoted, six);
    const ports = Quoted.ports(quoted, six);
    const hash = six
      ? Hash.client6(client, ports & 0xffff, paper)
      : Hash.client4(load<u32>(client), ports & 0xffff, paper);
    const local = Quoted.local(quoted, six);
    return Reader.find(kind, worker, hash, client, local, ports, Workers.copy(worker), paper);
  }

  /**
   * Only a server's kernel can judge an error: it knows what it has sent (RFC 5927 section 4.1). What
   * the switch itself sends is too small for any path, and such an error is no reason to end a
   * handshake (RFC 5927 section 5.2): those are dropped, and those of a connection that is over.
   */
  private static known(worker: usize, slot: usize, entry: usize): u32 {
    const copy = Workers.copy(worker);
    const state = load<u32>(copy, ENTRY_STATE);
    // while the switch waits for `ready` the server's first packets may be under way
    const waits = state == STATE_DRAINING || (state == STATE_HELD && !Icmp.isAgent());
    if (state != STATE_FORWARD && state != STATE_REQUESTS && !waits) return DROP_ICMP_STATE << 8;
    if (!ErrorLimit.allows(worker, entry)) return DROP_ICMP_LIMIT << 8;
    if (waits) return ToControl.packet(worker, slot, entry);
    IcmpRewrite.error(worker, slot, copy);
    return VERDICT_FORWARD;
  }
}
