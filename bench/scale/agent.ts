// An agent that is given connections by a switch's messages, in front of a kernel that takes all of them.
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { Agent } from '../../src/agent/agent.ts';
import { parsePrefix } from '../../src/config/address.ts';
import { TIMING_DEFAULTS } from '../../src/config/config.ts';
import { createCore } from '../../src/core.ts';
import { Random } from '../../src/lab/random.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket, type TcpPacket } from '../../src/packet/read.ts';
import { switchHello } from '../../test/support/agent-rig.ts';
import { makeHandoff, REQUEST, VIP } from '../../test/support/server-kernel.ts';
import { drawClients, NOW_MS, SEEDS, type Clients } from '../core/load.ts';
import { RolePart } from './part.ts';

const BATCH = 16;
const PER_SECOND = 20_000; // of virtual time
const HANDOFF = [parsePrefix('10.81.1.0/24')!];
const SERVICE = [parsePrefix('10.82.1.0/24')!];

/** What a kernel with a waiting server answers; nothing to an ACK without data. */
function kernelAnswer(packet: TcpPacket): Uint8Array | undefined {
  const isSyn = (packet.flags & TCP_SYN) !== 0;
  if (!isSyn && packet.payload.length === 0) return undefined;
  const isn = packet.sourcePort * 65536;
  const timestamps = { value: 1, echo: packet.options.timestamps?.value ?? 0 };
  return buildPacket({
    source: packet.destination,
    destination: packet.source,
    sourcePort: packet.destinationPort,
    destinationPort: packet.sourcePort,
    sequence: isSyn ? isn : isn + 1,
    acknowledgment: (packet.sequence + (isSyn ? 1 : packet.payload.length)) >>> 0,
    flags: isSyn ? TCP_SYN | TCP_ACK : TCP_ACK,
    window: 502,
    options: isSyn
      ? { mss: 1460, windowScale: 7, sackPermitted: true, timestamps }
      : { timestamps },
  });
}

export class HandedAgent {
  readonly part: RolePart;
  readonly #clients: Clients;

  static async make(count: number): Promise<HandedAgent> {
    const core = await createCore({
      role: 'agent',
      connections: Math.max(2048, 2 ** Math.ceil(Math.log2(count))),
      workers: 1,
      seeds: SEEDS,
      serviceNetworks: SERVICE,
    });
    const listen = { address: Uint8Array.of(10, 80, 11, 2), port: 7080 };
    const config = {
      workers: 1,
      timing: TIMING_DEFAULTS,
      agent: { listen, device: 'baton0', handoff: HANDOFF, service: SERVICE, connections: count },
    };
    const random = () => 0.5;
    const agent = new Agent({ core, config, run: 9, random, hostName: 'server1' });
    return new HandedAgent(new RolePart(core, agent, NOW_MS), drawClients(new Random(1), count));
  }

  private constructor(part: RolePart, clients: Clients) {
    this.part = part;
    this.#clients = clients;
    part.receive({ kind: 'channel-up', peer: 'switch', hello: switchHello() });
    part.takeMessages();
  }

  /** Handoffs number `from` .. `to` - 1, until the switch has heard of all. Returns how many were taken. */
  hand(from: number, to: number): number {
    let ready = 0;
    for (let client = from; client < to; client += 1) {
      this.#handoff(client);
      if ((client + 1) % BATCH === 0 || client + 1 === to) ready += this.#settle();
    }
    return ready;
  }

  #handoff(client: number): void {
    this.part.nowMs += 1000 / PER_SECOND;
    const address = this.#clients.addresses[client]!;
    const source = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
    const clientPort = this.#clients.ports[client]!;
    const message = makeHandoff({
      id: { run: 7, counter: client + 1 },
      tuple: { client: source, clientPort, vip: VIP, vipPort: 80 },
      clientIsn: client,
      bytes: REQUEST,
    });
    this.part.receive({ kind: 'message', from: 'switch', message });
  }

  /** The kernel answers until it is asked no more; every `ready` is confirmed. */
  #settle(): number {
    for (let packets = this.part.settle(); packets.length > 0; packets = this.part.settle()) {
      for (const packet of packets) {
        const answer = kernelAnswer(readPacket(packet)!);
        if (answer) this.part.device.arrive(answer);
      }
    }
    const ids = this.part.takeMessages().flatMap(({ message }) => {
      return message.type === 'ready' ? [message.id] : [];
    });
    const message = { type: 'confirm' as const, ids, of: 'ready' as const };
    this.part.receive({ kind: 'message', from: 'switch', message });
    this.part.takeMessages();
    return ids.length;
  }
}
