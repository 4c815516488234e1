import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Handoff, HandoffId, Message } from '../../src/channel/messages.ts';
import { readPacket } from '../../src/packet/read.ts';
import type { Kernel } from './tcp/kernel.ts';
import { endsKey } from './tcp/words.ts';

/** One connection of a client: the same ports may come again with another ISN. */
interface Generation {
  clientIsn: number;
  servers: Set<string>;
  /** the handoff that has not ended in `failed, not delivered` */
  outstanding: { id: HandoffId; server: string } | undefined;
  /** whose agent said ready */
  acceptedBy?: string;
}

/**
 * Watches the rules that bytes alone do not show: packets reach only servers that were given their
 * connection, a second handoff waits for the end of the first, the switch keeps the order of a
 * connection's packets and sends none twice.
 */
export class Monitor {
  readonly problems: string[] = [];
  handoffs = 0;
  /** what happens behind the handoff with that number; nothing may happen during it */
  readonly atHandoff = new Map<number, () => void>();
  /** several switches: what one hands over an agent may refuse, since another one has */
  isOfGroup = false;
  /** false when workers may overtake each other */
  keepsOrder = true;
  private readonly generations = new Map<string, Generation[]>();
  /** who has a client's connection, and who had it until it moved there */
  private readonly holders = new Map<string, { server: string; before: string | undefined }>();
  private readonly departed = new Map<string, { newest: number; sent: Set<number> }>();
  private readonly listed = new Set<string>();
  private readonly readied = new Set<string>();
  private readonly handoffMessages = new Map<string, Handoff>();
  private arrivals = 0;

  /** The switch sends a message to that server. */
  fromSwitch(server: string, message: Message): void {
    if (message.type === 'handoff') this.handoff(server, message);
  }

  /** A message of that server arrived at the switch. */
  toSwitch(server: string, message: Message): void {
    if (message.type === 'failed' && message.delivered === 'no') {
      this.settle(server, (id) => isSame(id, message.id));
    } else if (message.type === 'resync') {
      // what the agent's whole list does not name never arrived there
      for (const { id } of message.entries) this.listed.add(`${id.run}.${id.counter}`);
      if (!message.last) return;
      this.settle(server, ({ run, counter }) => !this.listed.has(`${run}.${counter}`));
      this.listed.clear();
    }
  }

  /**
   * `ready` means that the kernel has every handed byte; a socket that is gone already had them.
   */
  fromAgent({ name, kernel }: { name: string; kernel: Kernel }, message: Message): void {
    if (message.type !== 'ready') return;
    const { run, counter } = message.id;
    this.readied.add(`${run}.${counter}`);
    const handoff = this.handoffMessages.get(`${run}.${counter}`);
    if (!handoff) return;
    this.accepted(name, handoff);
    const received = kernel.receivedFrom(handoff.tuple.client, handoff.tuple.clientPort);
    if (received === undefined || received >= handoff.bytes.length) return;
    const client = `${handoff.tuple.client.join('.')}:${handoff.tuple.clientPort}`;
    const what = `${received} of ${handoff.bytes.length} bytes of ${client}`;
    this.problems.push(`${name} said ready when its kernel had ${what}`);
  }

  /** A distributor tells the switch in front where a connection went, when its agent has said ready. */
  toFront(distributor: string, message: Message): void {
    if (message.type !== 'update') return;
    const { run, counter } = message.id;
    if (this.readied.has(`${run}.${counter}`)) return;
    this.problems.push(`${distributor} sent an update before ${message.server} was ready`);
  }

  /** One connection, one server. */
  private accepted(server: string, { tuple, clientIsn }: Handoff): void {
    if (!this.isOfGroup) return;
    const client = `${tuple.client.join('.')}:${tuple.clientPort}`;
    const generation = this.generation(client, clientIsn);
    const first = (generation.acceptedBy ??= server);
    if (first === server) return;
    this.problems.push(`${client} (ISN ${clientIsn}) was accepted by ${first} and ${server}`);
  }

  /** A packet that the agent of `server` gives to its kernel. */
  toServer(server: string, bytes: Uint8Array): void {
    const packet = readPacket(bytes);
    if (!packet || ((packet.flags & TCP_RST) !== 0 && (packet.flags & TCP_ACK) === 0)) return;
    const client = `${packet.source.join('.')}:${packet.sourcePort}`;
    const isSyn = (packet.flags & TCP_SYN) !== 0;
    // a client that lost its connection begins anew while the server still has it: a challenge ACK
    // (RFC 5961)
    // lets the client reset it, and the SYN comes again
    const near = (this.generations.get(client) ?? []).filter(
      ({ clientIsn }) => isSyn || Math.abs((packet.sequence - clientIsn) | 0) < 1 << 24,
    );
    if (near.some(({ servers }) => servers.has(server))) return;
    // the network kept a packet of the client's former connection: TCP itself must cope with those
    const newest = this.generations.get(client)?.at(-1);
    if (near.length > 0 && newest && !near.includes(newest) && newest.servers.has(server)) return;
    // likewise one of a connection that the switch refused
    const isRefused = near.length > 0 && near.every(({ servers }) => servers.size === 0);
    if (isRefused && this.generations.get(client)!.some(({ servers }) => servers.has(server)))
      return;
    const kind = isSyn ? 'SYN' : 'packet';
    this.problems.push(
      `a ${kind} of ${client} reached ${server}, which was not given its connection`,
    );
  }

  /** A packet that the agent of `server` sends to a client: not when another one has its connection. */
  toClient(server: string, bytes: Uint8Array): void {
    const packet = readPacket(bytes);
    if (!packet) return;
    const client = `${packet.destination.join('.')}:${packet.destinationPort}`;
    const holder = this.holders.get(client);
    if (holder?.before !== server || holder.server === server || this.isOfGroup) return;
    const isMore = packet.payload.length > 0 || (packet.flags & (TCP_FIN | TCP_RST)) !== 0;
    if (!isMore) return;
    this.problems.push(`${server} speaks to ${client}, which ${holder.server} has`);
  }

  /** Numbers a packet that arrives at the switch (IPv4 identification). */
  stamp(packet: Uint8Array): void {
    this.begun(packet);
    if (packet[0]! >> 4 !== 4) return;
    this.arrivals = (this.arrivals % 0xffff) + 1;
    packet[4] = this.arrivals >> 8;
    packet[5] = this.arrivals & 255;
    packet[10] = 0;
    packet[11] = 0;
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += (packet[at]! << 8) | packet[at + 1]!;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    packet[10] = (~sum >> 8) & 255;
    packet[11] = ~sum & 255;
  }

  /** A packet that the switch sends towards a server. */
  departs(bytes: Uint8Array): void {
    if (bytes[0]! >> 4 !== 4) return;
    const packet = readPacket(bytes);
    if (!packet) return;
    const number = (bytes[4]! << 8) | bytes[5]!;
    if (number === 0) return; // made by the switch itself
    const key = endsKey({
      local: packet.destination,
      localPort: packet.destinationPort,
      remote: packet.source,
      remotePort: packet.sourcePort,
    });
    const known = this.departed.get(key) ?? { newest: number, sent: new Set<number>() };
    this.departed.set(key, known);
    const ofClient = `of ${packet.source.join('.')}:${packet.sourcePort} (seq ${packet.sequence})`;
    if (known.sent.has(number)) this.problems.push(`the switch sent a packet ${ofClient} twice`);
    else if (((number - known.newest) << 16) >> 16 >= 0) known.newest = number;
    else if (this.keepsOrder) this.problems.push(`the switch changed the order ${ofClient}`);
    known.sent.add(number);
  }

  private settle(server: string, isOver: (id: HandoffId) => boolean): void {
    for (const list of this.generations.values()) {
      for (const generation of list) {
        const { outstanding } = generation;
        if (outstanding?.server !== server || !isOver(outstanding.id)) continue;
        generation.outstanding = undefined;
      }
    }
  }

  private generation(client: string, clientIsn: number): Generation {
    const list = this.generations.get(client) ?? [];
    this.generations.set(client, list);
    const known = list.find((one) => one.clientIsn === clientIsn);
    if (known) return known;
    const generation = { clientIsn, servers: new Set<string>(), outstanding: undefined };
    list.push(generation);
    return generation;
  }

  /** A SYN of a client: a connection that the switch may refuse. */
  private begun(bytes: Uint8Array): void {
    const packet = readPacket(bytes);
    if (!packet || (packet.flags & (TCP_SYN | TCP_ACK)) !== TCP_SYN) return;
    const client = `${packet.source.join('.')}:${packet.sourcePort}`;
    const isOld = this.generations.get(client)?.some((one) => one.clientIsn === packet.sequence);
    if (!isOld) this.holders.delete(client);
    this.generation(client, packet.sequence);
  }

  private handoff(server: string, handoff: Handoff): void {
    const { id, tuple, clientIsn } = handoff;
    this.handoffs += 1;
    this.atHandoff.get(this.handoffs)?.();
    this.handoffMessages.set(`${id.run}.${id.counter}`, handoff);
    const client = `${tuple.client.join('.')}:${tuple.clientPort}`;
    const isMove = !this.generations.get(client)?.some((one) => one.clientIsn === clientIsn);
    const before = isMove ? this.holders.get(client)?.server : undefined;
    this.holders.set(client, { server, before });
    const generation = this.generation(client, clientIsn);
    const { outstanding } = generation;
    if (!this.isOfGroup && outstanding && !isSame(outstanding.id, id)) {
      const who = `${outstanding.server} had it and ${server} got it`;
      this.problems.push(`a second handoff of ${client} before the first had failed: ${who}`);
    }
    generation.servers.add(server);
    generation.outstanding = { id, server };
  }
}

function isSame(a: HandoffId, b: HandoffId): boolean {
  return a.run === b.run && a.counter === b.counter;
}
