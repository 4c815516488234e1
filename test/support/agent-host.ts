// An agent on the real kernel of this network namespace: its device, a worker's forwarding pass on this
// thread, and a second device behind which the test plays the clients.
import * as L from '../../assembly/layout.ts';
import { Agent } from '../../src/agent/agent.ts';
import { AgentNetwork } from '../../src/agent/network.ts';
import type { Finding } from '../../src/agent/traps.ts';
import type { Message } from '../../src/channel/messages.ts';
import { parseAddress, parsePrefix } from '../../src/config/address.ts';
import type { Prefix } from '../../src/config/address.ts';
import { monotonicMs } from '../../src/clock.ts';
import { TIMING_DEFAULTS } from '../../src/config/config.ts';
import { createCore } from '../../src/core.ts';
import type { Core } from '../../src/core.ts';
import type { PlaneEvent } from '../../src/event.ts';
import { memoryMap } from '../../src/memory-map.ts';
import type { MemoryMapOptions } from '../../src/memory-map.ts';
import { ip } from '../../src/packet-io/iproute.ts';
import { chooseEngine, deviceBytes, openDevice, queueDevice } from '../../src/packet-io/engine.ts';
import type { Engine, OpenDevice, QueueDevice } from '../../src/packet-io/engine.ts';
import { RING_BYTES } from '../../src/packet-io/packet-ring.ts';
import { EventfdWaker } from '../../src/packet-io/waker.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import type { TcpPacket } from '../../src/packet/read.ts';
import { Forwarding } from '../../src/workers/forwarding.ts';
import { FromControlWriter, ToControlReader } from '../../src/workers/rings.ts';
import { switchHello } from './agent-rig.ts';
import { VIP } from './server-kernel.ts';

const DEVICE = 'bagtun0';
const CLIENT_DEVICE = 'bagtun1';
const PAGE = 65536;
const SLOT_PAGES = 4;

export function prefixes(...texts: string[]): Prefix[] {
  return texts.map((text) => {
    const prefix = parsePrefix(text);
    if (!prefix) throw new Error(`no prefix: ${text}`);
    return prefix;
  });
}

export const NETWORK = {
  device: DEVICE,
  handoff: prefixes('10.81.1.0/24', 'fd81:1::/64'),
  service: prefixes('10.82.1.0/24', 'fd82:1::/64'),
};

export const VIP6 = parseAddress('2001:db8:80::80')!;
export const CLIENT6 = parseAddress('fd80:1::2')!;
const SERVICES = [VIP, VIP6].map((vip) => ({ vip, port: 80, serverPort: 80 }));

/** Packets behind the second device: what the test sends as clients, and what the clients get. */
class ClientSide {
  readonly #open: OpenDevice;
  readonly #waker = new EventfdWaker();
  readonly #device: QueueDevice;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(engine: Engine) {
    const pages = SLOT_PAGES + Math.ceil(RING_BYTES / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#open = openDevice(engine, CLIENT_DEVICE, 1, memory, [SLOT_PAGES * PAGE]);
    this.#device = queueDevice(memory, this.#open.fds[0]!, this.#open.rings[0]!, this.#waker.fd);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  send(packet: Uint8Array): void {
    this.#bytes.fill(0, 0, L.SLOT_PACKET);
    this.#bytes.set(packet, L.SLOT_PACKET);
    this.#view.setUint32(L.SLOT_LENGTH, packet.length, true);
    if (!this.#device.transmit(0)) throw new Error('the client side refused a packet');
  }

  take(): TcpPacket[] {
    const packets: TcpPacket[] = [];
    while (this.#device.receive(0, 1) === 1) {
      const length = this.#view.getUint32(L.SLOT_LENGTH, true);
      const packet = readPacket(this.#bytes.slice(L.SLOT_PACKET, L.SLOT_PACKET + length));
      if (packet) packets.push(packet);
    }
    return packets;
  }

  close(): void {
    this.#open.close();
    this.#waker.close();
  }
}

export class AgentHost {
  readonly agent: Agent;
  readonly network = new AgentNetwork(NETWORK);
  findings: Finding[] = [];
  readonly toClient: TcpPacket[] = [];
  readonly messages: Message[] = [];
  readonly #client: ClientSide;
  readonly #open: OpenDevice;
  readonly #waker = new EventfdWaker();
  readonly #forwarding: Forwarding;
  readonly #reader: ToControlReader;
  readonly #writer: FromControlWriter;
  #deadlineMs = 0;

  private constructor(core: Core, engine: Engine, rings: number[]) {
    const { memory } = core;
    this.#open = openDevice(engine, DEVICE, 1, memory, rings);
    this.#client = new ClientSide(engine);
    const device = queueDevice(memory, this.#open.fds[0]!, this.#open.rings[0]!, this.#waker.fd);
    const nowMs = monotonicMs;
    this.#forwarding = new Forwarding({ core, memory, worker: 0, device, nowMs });
    this.#reader = new ToControlReader(memory);
    this.#writer = new FromControlWriter(memory, [{ wake() {} }]);
    const listen = { address: Uint8Array.of(10, 80, 11, 2), port: 7080 };
    const config = {
      workers: 1,
      timing: TIMING_DEFAULTS,
      agent: { ...NETWORK, listen, connections: 256 },
    };
    this.agent = new Agent({ core, config, run: 99, random: () => 0, hostName: 'server1' });
  }

  static async make(): Promise<AgentHost> {
    const engine = chooseEngine('auto');
    const options: MemoryMapOptions = {
      role: 'agent',
      deviceBytes: deviceBytes(engine, 1),
      connections: 256,
      workers: 1,
      slots: 8,
      seeds: [1n, 2n],
      serviceNetworks: NETWORK.service,
    };
    const core = await createCore(options);
    const host = new AgentHost(core, engine, memoryMap(options).deviceBases);
    await ip('link', 'set', 'lo', 'up');
    await ip('link', 'set', CLIENT_DEVICE, 'up');
    await ip('addr', 'add', '10.80.1.1/24', 'dev', CLIENT_DEVICE);
    await ip('-6', 'addr', 'add', 'fd80:1::1/64', 'dev', CLIENT_DEVICE, 'nodad');
    // loose reverse path filtering wants some route to the VIP
    await ip('route', 'add', 'default', 'dev', CLIENT_DEVICE);
    host.findings = await host.network.setUp();
    host.receive({
      kind: 'channel-up',
      peer: 'switch',
      hello: switchHello({ services: SERVICES }),
    });
    host.messages.length = 0;
    return host;
  }

  receive(event: PlaneEvent): void {
    const effects = this.agent.receive(event, monotonicMs());
    for (const packet of effects.packets) this.#writer.push(packet);
    this.messages.push(...effects.messages.map(({ message }) => message));
    this.#deadlineMs = effects.deadlineMs;
  }

  message(message: Message): void {
    this.receive({ kind: 'message', from: 'switch', message });
  }

  /** A packet of a client as the switch forwards it. */
  fromClient(parts: PacketParts): void {
    this.#client.send(buildPacket(parts));
  }

  /** Everything moves until `done` holds; false when it did not within the time. */
  async run(done: () => boolean, limitMs = 3000): Promise<boolean> {
    const untilMs = monotonicMs() + limitMs;
    while (!done() && monotonicMs() < untilMs) {
      let busy = this.#forwarding.pass() > 0;
      for (const event of this.#reader.read(64)) {
        busy = true;
        this.receive(event);
      }
      if (monotonicMs() >= this.#deadlineMs) this.receive({ kind: 'time' });
      this.toClient.push(...this.#client.take());
      await new Promise((resolve) => (busy ? setImmediate(resolve) : setTimeout(resolve, 1)));
    }
    return done();
  }

  async close(): Promise<void> {
    await this.network.remove();
    this.#client.close();
    this.#open.close();
    this.#waker.close();
  }
}
