// Packets through a TUN of the client's host, as raw as a kernel takes them, to and from many clients.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as libc from '../../src/packet-io/libc.ts';
import { dotted, readReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Wire } from './packet-case.ts';

// linux/if_tun.h: no virtio header, so that the kernel completes sums and cuts super-packets
const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;
const DEVICE = 'inject0';
const PACKET_LIMIT = 65_536;
const POLL_MS = 2;

/** One TUN; replies are sorted by the client they are for. */
export class Injector {
  private readonly fd: number;
  private readonly buffer = libc.bytesOfItsOwn(PACKET_LIMIT);
  private readonly address = libc.addressOf(this.buffer);
  private readonly waiting = new Map<string, Reply[]>();

  /** `prefixes`: of the clients. Needs CAP_NET_ADMIN in this network namespace. */
  constructor(prefixes: string[]) {
    const flags = libc.O_RDWR | libc.O_NONBLOCK | libc.O_CLOEXEC;
    this.fd = libc.open('/dev/net/tun', flags);
    const request = libc.bytesOfItsOwn(40);
    request.set(new TextEncoder().encode(DEVICE));
    new DataView(request.buffer).setUint16(16, IFF_TUN_NO_PI, true);
    if (this.fd < 0 || libc.ioctlBuffer(this.fd, TUNSETIFF, request) < 0) {
      throw new Error(`cannot make a TUN: ${libc.errnoName(libc.errno())}`);
    }
    execFileSync('ip', ['link', 'set', DEVICE, 'up']);
    for (const prefix of prefixes) execFileSync('ip', ['route', 'add', prefix, 'dev', DEVICE]);
  }

  /** What the kernel sends without being asked (router solicitations) is dropped. */
  private drain(): void {
    for (;;) {
      const length = libc.read(this.fd, this.address, PACKET_LIMIT);
      if (length <= 0) return;
      const reply = readReply(this.buffer.slice(0, length));
      if (!reply) continue;
      const list = this.waiting.get(reply.to) ?? [];
      list.push(reply);
      this.waiting.set(reply.to, list);
    }
  }

  send(packet: Uint8Array): boolean {
    this.buffer.set(packet);
    return libc.write(this.fd, this.address, packet.length) === packet.length;
  }

  take(clients: Iterable<string>): Reply[] {
    this.drain();
    const taken: Reply[] = [];
    for (const client of clients) {
      taken.push(...(this.waiting.get(client) ?? []));
      this.waiting.delete(client);
    }
    return taken;
  }

  close(): void {
    libc.close(this.fd);
  }
}

/** The part of an injector's traffic that belongs to one case: of the clients it sent from. */
export class LabWire implements Wire {
  private readonly injector: Injector;
  private readonly clients: Set<string>;

  constructor(injector: Injector, client: string) {
    this.injector = injector;
    this.clients = new Set([client]);
  }

  nowMs(): number {
    return performance.now();
  }

  send(packet: Uint8Array): boolean {
    const header = ((packet[0] ?? 0) & 15) * 4;
    if (packet.length >= header + 2 && packet[9] === 6) {
      const port = (packet[header]! << 8) | packet[header + 1]!;
      this.clients.add(`${dotted(packet.subarray(12, 16))}:${port}`);
    }
    return this.injector.send(packet);
  }

  async receive(ms: number): Promise<Reply[]> {
    const endMs = this.nowMs() + ms;
    const found: Reply[] = [];
    do {
      await sleep(POLL_MS);
      found.push(...this.injector.take(this.clients));
    } while (found.length === 0 && this.nowMs() < endMs);
    return found;
  }
}
