import * as L from '../../../assembly/layout.ts';
import { VERDICT_ANSWER, VERDICT_FORWARD } from '../../../assembly/verdict.ts';
import type { Hello, Message } from '../../../src/channel/messages.ts';
import type { Config } from '../../../src/config/config.ts';
import { TIMING_DEFAULTS } from '../../../src/config/config.ts';
import { Connections } from '../../../src/connections.ts';
import { FrontSwitch } from '../../../src/control/front/front-switch.ts';
import type { SwitchPlane } from '../../../src/control/switch/switch-plane.ts';
import { writeCookieKeys } from '../../../src/control/switch/cookie-keys.ts';
import { WebSwitch } from '../../../src/control/switch/web-switch.ts';
import { createCore } from '../../../src/core.ts';
import type { Core } from '../../../src/core.ts';
import type { Effects, PlaneEvent } from '../../../src/event.ts';
import { isIcmp, readPacket } from '../../../src/packet/read.ts';
import type { TcpPacket } from '../../../src/packet/read.ts';
import { ToControlReader } from '../../../src/workers/rings.ts';

export const VIP = Uint8Array.of(192, 0, 2, 80);
export const VIP6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80);
export const CLIENT = Uint8Array.of(10, 80, 1, 2);
export const CLIENT6 = Uint8Array.of(0xfd, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
export const RUN = 77;
/** wall clock at the rig's time 0 */
const WALL_MS = 1_700_000_000_000;

const TIMING = { ...TIMING_DEFAULTS, serverWaitMs: 0 };

export function testConfig(servers: number, changes: Partial<Config> = {}): Config {
  const names = Array.from({ length: servers }, (_, index) => `server${index + 1}`);
  return {
    file: 'test.yaml',
    name: 'switch',
    roles: ['switch'],
    workers: 1,
    engine: 'auto',
    admin: '',
    insecure: true,
    switch: {
      device: 'baton0',
      table: 'keyed',
      connections: 256,
      group: 'main',
      key: new Uint8Array(32),
      halfRead: 4096,
      heldBytes: 65536,
      mtu: 1500,
    },
    servers: names.map((name, index) => ({
      name,
      agent: { address: Uint8Array.of(10, 80, 11 + index, 2), port: 7080 },
      port: 8080,
      weight: 1,
    })),
    pools: [{ name: 'default', servers: names, policy: 'round-robin', tLow: 25, tHigh: 65 }],
    services: [
      { name: 'web', vip: [VIP, VIP6], port: 80, protocol: 'http', pool: 'default', rules: [] },
    ],
    timing: TIMING,
    ...changes,
  };
}

function half(): number {
  return 0.5;
}

/** A switch without devices and threads: packets in, packets and messages out, time as told. */
export class Rig {
  readonly core: Core;
  readonly config: Config;
  readonly plane: SwitchPlane;
  readonly connections: Connections;
  nowMs = 1_000_000;
  /** packets that left, oldest first */
  sent: TcpPacket[] = [];
  raw: Uint8Array[] = [];
  messages: { to: string; message: Message }[] = [];
  deadlineMs = Infinity;
  /** while true what the worker queues stays in the ring */
  paused = false;
  private readonly reader: ToControlReader;
  private readonly slot: number;

  /** `ageMs`: how long the plane has been running. */
  static async make(config: Config, halfOpenLimit?: number, ageMs = 60_000): Promise<Rig> {
    const services = config.services.flatMap(({ vip, port, protocol, on = 'syn' }) => {
      const dispatch = protocol === 'tcp' ? on : ('request' as const);
      return vip.map((address) => ({ address, port, dispatch }));
    });
    const core = await createCore(
      {
        role: 'switch',
        connections: config.switch!.connections,
        workers: 1,
        slots: 2,
        seeds: [1n, 2n],
        services,
        ...(halfOpenLimit !== undefined && { halfOpenLimit }),
      },
      'single',
    );
    return new Rig(core, config, ageMs);
  }

  constructor(core: Core, config: Config, ageMs = 60_000) {
    this.core = core;
    this.config = config;
    writeCookieKeys(core, config.switch!.key, WALL_MS + this.nowMs);
    const options = { core, config, run: RUN, random: half, hostName: config.name };
    this.plane = config.inFront ? new FrontSwitch(options) : new WebSwitch(options);
    this.plane.receive({ kind: 'time' }, this.nowMs - ageMs);
    this.connections = new Connections(core.memory.buffer);
    this.reader = new ToControlReader(core.memory);
    const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
    this.slot = core.view.getUint32(worker + L.WORKER_SLOT_BASE, true);
  }

  /** The agent of `server` says hello, and that it has no connections. */
  up(server: number, lists = true): void {
    this.feed({ kind: 'channel-up', peer: `server${server}`, hello: this.helloOf(server) });
    if (lists) this.message(server, { type: 'resync', entries: [], last: true });
    this.messages = [];
  }

  /** `line`: which memory the agent has, '' = it does not say. */
  helloOf(server: number, line = ''): Hello {
    return {
      type: 'hello',
      version: 1,
      name: `server${server}`,
      roles: ['agent'],
      group: '',
      run: 5,
      capabilities: ['cookies', 'by-syn', ...(line === '' ? [] : [line])],
      services: [],
      bindings: [
        { vip: VIP, port: 80, handoff: Uint8Array.of(10, 81, server, 1), handoffPort: 80 },
        { vip: VIP6, port: 80, handoff: handoff6(server), handoffPort: 80 },
      ],
    };
  }

  down(server: number): void {
    this.feed({ kind: 'channel-down', peer: `server${server}` });
  }

  message(server: number, message: Message): void {
    this.feed({ kind: 'message', from: `server${server}`, message });
  }

  /** Lets time pass, calling the plane when it asked to be called. */
  wait(ms: number): void {
    const end = this.nowMs + ms;
    writeCookieKeys(this.core, this.config.switch!.key, WALL_MS + end);
    while (this.deadlineMs <= end) {
      this.nowMs = Math.max(this.nowMs, this.deadlineMs);
      this.feed({ kind: 'time' });
    }
    this.nowMs = end;
    this.feed({ kind: 'time' });
  }

  /** A packet arrives at the device. */
  deliver(packet: Uint8Array): void {
    const { core, slot } = this;
    core.bytes.fill(0, slot + L.SLOT_VNET, slot + L.SLOT_PACKET);
    this.fill(packet);
    core.forward(0, 1, this.nowMs);
    const verdict = core.view.getUint32(slot + L.SLOT_VERDICT, true) & 0xff;
    if (verdict === VERDICT_FORWARD || verdict === VERDICT_ANSWER) this.leave();
    if (!this.paused) this.drain();
  }

  /** Control takes what the worker queued. */
  drain(): void {
    for (const event of this.reader.read(1000)) this.feed(event);
  }

  feed(event: PlaneEvent): void {
    this.apply(this.plane.receive(event, this.nowMs));
  }

  /** Packets that left since the last call. */
  take(): TcpPacket[] {
    const taken = this.sent;
    this.sent = [];
    this.raw = [];
    return taken;
  }

  /** The newest message of that type. */
  last<Type extends Message['type']>(type: Type): Message & { type: Type } {
    const found = this.messages.filter(({ message }) => message.type === type).at(-1);
    if (!found) throw new Error(`no ${type} was sent`);
    return found.message as Message & { type: Type };
  }

  /** How many messages of that type went to the server. */
  count(type: Message['type'], server?: number): number {
    return this.messages.filter(
      ({ to, message }) =>
        message.type === type && (server === undefined || to === `server${server}`),
    ).length;
  }

  private apply(effects: Effects): void {
    this.deadlineMs = effects.deadlineMs;
    for (const { packet, vnet, rewrite } of effects.packets) {
      this.core.bytes.fill(0, this.slot + L.SLOT_VNET, this.slot + L.SLOT_PACKET);
      if (vnet) this.core.bytes.set(vnet, this.slot + L.SLOT_VNET);
      this.fill(packet);
      if (rewrite === undefined) this.leave();
      else this.rewrite(rewrite);
    }
    this.messages.push(...effects.messages);
  }

  private rewrite(entry: number): void {
    const verdict = this.core.forwardHeld(0, this.slot, entry, this.nowMs);
    if ((verdict & 0xff) === VERDICT_FORWARD) this.leave();
    const { run, counter } = this.connections.id(entry);
    this.core.held(1, entry, run, counter, 1);
  }

  private fill(packet: Uint8Array): void {
    this.core.view.setUint32(this.slot + L.SLOT_LENGTH, packet.length, true);
    this.core.bytes.set(packet, this.slot + L.SLOT_PACKET);
  }

  private leave(): void {
    const length = this.core.view.getUint32(this.slot + L.SLOT_LENGTH, true);
    const at = this.slot + L.SLOT_PACKET;
    const packet = this.core.bytes.slice(at, at + length);
    if (isIcmp(packet)) {
      this.raw.push(packet);
      return;
    }
    if (this.core.verifyPacket(at, length) !== 1) throw new Error('a packet left with a bad sum');
    this.raw.push(packet);
    this.sent.push(readPacket(packet)!);
  }
}

function handoff6(server: number): Uint8Array {
  return Uint8Array.of(0xfd, 0x81, 0, server, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
}

/** A switch whose servers can all be reached. */
export async function rigUp(servers = 2): Promise<Rig> {
  const rig = await Rig.make(testConfig(servers));
  for (let server = 1; server <= servers; server += 1) rig.up(server);
  return rig;
}
