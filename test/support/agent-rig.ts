// An agent with the real core and one worker, in front of a simulated kernel; packets and messages are
// carried by the test, on virtual time.
import * as L from '../../assembly/layout.ts';
import { Agent } from '../../src/agent/agent.ts';
import type { Hello, Message } from '../../src/channel/messages.ts';
import { parsePrefix } from '../../src/config/address.ts';
import type { Prefix } from '../../src/config/address.ts';
import { TIMING_DEFAULTS } from '../../src/config/config.ts';
import type { SpliceConfig } from '../../src/config/splicing.ts';
import { Connections } from '../../src/connections.ts';
import { createCore } from '../../src/core.ts';
import type { Core } from '../../src/core.ts';
import type { PlaneEvent } from '../../src/event.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { advance } from '../../src/packet/sequence.ts';
import { MemoryDevice } from '../../src/packet-io/memory.ts';
import { sameAddress } from '../../src/tuple.ts';
import { Forwarding } from '../../src/workers/forwarding.ts';
import { FromControlWriter, ToControlReader } from '../../src/workers/rings.ts';
import {
  CLIENT,
  CLIENT_PORT,
  HANDOFF,
  REQUEST,
  ServerKernel,
  VIP,
  makeHandoff,
  read,
} from './server-kernel.ts';
import type { ServerOptions } from './server-kernel.ts';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(`no prefix: ${text}`);
  return parsed;
}

export function switchHello(changes: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    version: 1,
    name: 'switch',
    roles: ['switch'],
    group: 'main',
    run: 7,
    capabilities: [],
    services: [{ vip: VIP, port: 80, serverPort: 80 }],
    bindings: [],
    ...changes,
  };
}

export interface RigOptions extends ServerOptions {
  connections?: number;
  /** servers that are spliced, by the peers that give connections for them */
  spliced?: SpliceConfig['servers'];
  leaseDeadlineMs?: (peer: string) => number;
}

/** By these addresses spliced servers know clients. */
const SOURCE = '10.83.1.0/25';

export class AgentRig {
  readonly server: ServerKernel;
  readonly core: Core;
  readonly connections: Connections;
  readonly agent: Agent;
  readonly device: MemoryDevice;
  /** packets that left to the client */
  toClient: Uint8Array[] = [];
  /** messages to any peer, as `peer: message` */
  messages: { to: string; message: Message }[] = [];
  readonly notices: string[] = [];
  deadlineMs = Infinity;
  /** packets that the network between worker and kernel loses */
  loses: (packet: Uint8Array) => boolean = () => false;
  readonly #forwarding: Forwarding;
  readonly #reader: ToControlReader;
  readonly #writer: FromControlWriter;

  private constructor(core: Core, server: ServerKernel, options: RigOptions) {
    const { spliced, leaseDeadlineMs } = options;
    this.server = server;
    this.core = core;
    const { memory } = core;
    this.connections = new Connections(memory.buffer);
    this.device = new MemoryDevice(memory);
    const nowMs = () => this.nowMs;
    const { device } = this;
    this.#forwarding = new Forwarding({ core, memory, worker: 0, device, nowMs });
    this.#reader = new ToControlReader(memory);
    this.#writer = new FromControlWriter(memory, [{ wake() {} }]);
    const config = {
      workers: 1,
      timing: TIMING_DEFAULTS,
      agent: {
        listen: { address: Uint8Array.of(10, 80, 11, 2), port: 7080 },
        device: 'baton0',
        handoff: [prefix('10.81.1.0/24')],
        service: [prefix('10.82.1.0/24')],
        ...(spliced && { splice: { servers: spliced, addresses: [prefix(SOURCE)] } }),
        connections: 64,
      },
    };
    const notice = (text: string) => void this.notices.push(text);
    this.agent = new Agent({
      core,
      config,
      run: 99,
      random: () => 0.5,
      hostName: 'server1',
      ...(leaseDeadlineMs && { leaseDeadlineMs }),
      notice,
    });
  }

  static async make(options: RigOptions = {}): Promise<AgentRig> {
    const core = await AgentRig.#makeCore(options, [1n, 2n]);
    return new AgentRig(core, new ServerKernel(options), options);
  }

  /** The next run of an agent that was killed: the same kernel, another table. */
  static async restarted(former: AgentRig, options: RigOptions = {}): Promise<AgentRig> {
    const rig = new AgentRig(await AgentRig.#makeCore(options, [3n, 4n]), former.server, options);
    const { bytes, view } = former.connections;
    const part = (base: number, count: number, size: number) => {
      const at = view.getUint32(base, true);
      return bytes.slice(at, at + view.getUint32(count, true) * size);
    };
    const table = {
      buckets: part(L.HEADER_BUCKET_BASE, L.HEADER_BUCKET_COUNT, L.BUCKET_SIZE),
      entries: part(L.HEADER_ENTRY_BASE, L.HEADER_ENTRY_COUNT, L.ENTRY_SIZE),
      records: part(L.HEADER_RECORD_BASE, L.HEADER_ENTRY_COUNT, L.RECORD_SIZE),
    };
    rig.agent.adopt({ names: former.agent.names(), table }, rig.nowMs);
    return rig;
  }

  static #makeCore(options: RigOptions, seeds: readonly [bigint, bigint]): Promise<Core> {
    const map = {
      role: 'agent',
      connections: options.connections ?? 64,
      workers: 1,
      slots: 8,
      toControlBytes: 65536,
      fromControlBytes: 65536,
      seeds,
      serviceNetworks: [prefix(options.spliced ? SOURCE : '10.82.1.0/24')],
      splices: options.spliced !== undefined,
    } as const;
    return createCore(map, 'single');
  }

  get nowMs(): number {
    return this.server.clock.nowMs;
  }

  receive(event: PlaneEvent): this {
    const effects = this.agent.receive(event, this.nowMs);
    for (const packet of effects.packets) this.#writer.push(packet);
    this.messages.push(...effects.messages);
    this.deadlineMs = effects.deadlineMs;
    return this;
  }

  /** Everything that is on its way arrives. */
  settle(): this {
    for (let busy = true; busy;) {
      busy = this.#forwarding.pass() > 0;
      for (const { packet } of this.device.take()) this.#deliver(packet);
      for (const packet of this.server.take()) {
        busy = true;
        this.device.arrive(packet);
      }
      for (const event of this.#reader.read(64)) {
        busy = true;
        this.receive(event);
      }
    }
    return this;
  }

  #deliver(packet: Uint8Array): void {
    if (this.loses(packet)) return;
    if (sameAddress(read(packet).destination, CLIENT)) this.toClient.push(packet);
    else this.server.kernel.receive(packet);
  }

  /** Time passes; the agent is called when it asked for it. */
  pass(ms: number): this {
    const until = this.nowMs + ms;
    while (this.nowMs < until) {
      const next = Math.min(until, this.deadlineMs, this.server.clock.nextMs());
      this.server.clock.runUntil(Math.max(next, this.nowMs));
      if (this.nowMs >= this.deadlineMs) this.receive({ kind: 'time' });
      this.settle();
    }
    return this;
  }

  up(hello: Hello = switchHello(), peer = 'switch'): this {
    return this.receive({ kind: 'channel-up', peer, hello }).settle();
  }

  down(peer = 'switch'): this {
    return this.receive({ kind: 'channel-down', peer }).settle();
  }

  message(message: Message, from = 'switch'): this {
    return this.receive({ kind: 'message', from, message });
  }

  /** A packet of the client as the switch forwards it. */
  fromClient(parts: Partial<PacketParts>): this {
    this.device.arrive(
      buildPacket({
        source: CLIENT,
        sourcePort: CLIENT_PORT,
        destination: HANDOFF,
        destinationPort: 80,
        sequence: 0,
        flags: 0,
        window: 500,
        ...parts,
      }),
    );
    return this;
  }

  takeToClient(): Uint8Array[] {
    const { toClient } = this;
    this.toClient = [];
    return toClient;
  }

  /** Messages since the last call, without load reports. */
  takeMessages(): Message[] {
    const taken = this.messages.map(({ message }) => message);
    this.messages = [];
    return taken.filter(({ type }) => type !== 'load');
  }

  /** Entries that are linked. */
  get entries(): number[] {
    const indexes = Array.from({ length: this.connections.entryCount }, (_, index) => index);
    return indexes.filter((entry) => this.connections.state(entry) !== L.STATE_FREE);
  }
}

/** Sequence number behind the request of makeHandoff(). */
export const AFTER_REQUEST = advance(makeHandoff().clientIsn, 1 + REQUEST.length);
export const { id: ID, tuple: TUPLE } = makeHandoff();

/** A handoff came and is ready, not confirmed. */
export async function readyRig(options: RigOptions = {}): Promise<AgentRig> {
  const rig = await AgentRig.make(options);
  rig.up();
  rig.takeMessages();
  rig.message(makeHandoff()).settle();
  return rig;
}

/** Ready, confirmed, and nothing on its way. */
export async function servingRig(options: RigOptions = {}): Promise<AgentRig> {
  const rig = await readyRig(options);
  rig.message({ type: 'confirm', ids: [ID] });
  rig.takeMessages();
  rig.takeToClient();
  return rig;
}
