// A switch that is given connections by the packets of their clients and by its servers' answers, as fast as
// it takes them; what they cost in memory, per packet, and in the sweep.
import koffi from 'koffi';
import { SWEEP_ENTRIES } from '../../src/table-walk.ts';
import * as L from '../../assembly/layout.ts';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Handoff, Message } from '../../src/channel/messages.ts';
import { TIMING_DEFAULTS } from '../../src/config/config.ts';
import { WebSwitch } from '../../src/control/switch/web-switch.ts';
import { writeCookieKeys } from '../../src/control/switch/cookie-keys.ts';
import { createCore, type Core } from '../../src/core.ts';
import { Random } from '../../src/lab/random.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { testConfig, VIP, VIP6 } from '../../test/unit/control/rig.ts';
import { drawClients, NOW_MS, SEEDS, STRIDE, writePackets, type Clients } from '../core/load.ts';
import { measurePasses } from '../core/pass.ts';
import { RolePart } from './part.ts';

const BATCH = 32; // clients that come at the same time
const SERVERS = 8;
const PACKETS = 500_000;
const ROUNDS = 3;
/** the device's slots; behind them there is room for the packets of the comparison */
const SLOTS = 64;
const COMPARED_SLOTS = Math.ceil((PACKETS * STRIDE) / L.SLOT_SIZE);
const PER_SECOND = 50_000; // of virtual time
const WALL_MS = 1_700_000_000_000;
const ENCODER = new TextEncoder();
/** so many documents, as if they were popular alike */
const TARGETS = 10_000;

function request(client: number): string {
  return `GET /document/${client % TARGETS} HTTP/1.1\r\nHost: www.example\r\n\r\n`;
}

const SYN_OPTIONS = { mss: 1460, windowScale: 7, sackPermitted: true };

const time = koffi.struct({ seconds: 'int64_t', nanoseconds: 'int64_t' });
const clockTime = koffi
  .load('libc.so.6')
  .func('clock_gettime', 'int', ['int', koffi.out(koffi.pointer(time))]);
const THREAD_CPU = 3; // CLOCK_THREAD_CPUTIME_ID

/** Microseconds that this thread has had of a CPU. */
function threadUs(): number {
  const now = { seconds: 0, nanoseconds: 0 };
  clockTime(THREAD_CPU, now);
  return Number(now.seconds) * 1e6 + Number(now.nanoseconds) / 1e3;
}

export class HandedSwitch {
  readonly part: RolePart;
  readonly #clients: Clients;
  /** by server, what its agent would have to close */
  readonly #handed: { server: string; handoff: Pick<Handoff, 'id' | 'tuple'> }[] = [];
  /** keeps what close() needs */
  readonly #keeps: boolean;

  static async make(count: number, keeps = false): Promise<HandedSwitch> {
    const core = await createCore({
      role: 'switch',
      connections: Math.max(2048, 2 ** Math.ceil(Math.log2(count))),
      workers: 1,
      slots: SLOTS + COMPARED_SLOTS,
      seeds: SEEDS,
      services: [VIP, VIP6].map((address) => ({ address, port: 80 })),
    });
    return new HandedSwitch(core, count, keeps);
  }

  private constructor(core: Core, count: number, keeps: boolean) {
    const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
    core.view.setUint32(worker + L.WORKER_SLOT_COUNT, SLOTS, true);
    const nowMs = NOW_MS - 2000 - (count / PER_SECOND) * 1000;
    const config = testConfig(SERVERS, { timing: TIMING_DEFAULTS });
    writeCookieKeys(core, config.switch!.key, WALL_MS);
    const options = { core, config, run: 7, random: () => 0.5, hostName: 'switch' };
    const plane = new WebSwitch(options);
    plane.receive({ kind: 'time' }, nowMs - 60_000);
    this.part = new RolePart(core, plane, nowMs);
    this.#clients = drawClients(new Random(1), count);
    // 64.0.0.0/3: no address of those that no client can have
    this.#clients.addresses.forEach((address, index, all) => {
      all[index] = 0x40000000 + (address & 0x1fffffff);
    });
    this.#keeps = keeps;
    for (const { name } of config.servers) this.#up(name);
  }

  #up(peer: string): void {
    const number = Number(peer.slice('server'.length));
    const handoff = Uint8Array.of(10, 81, number, 1);
    this.part.receive({
      kind: 'channel-up',
      peer,
      hello: {
        type: 'hello',
        version: 1,
        name: peer,
        roles: ['agent'],
        group: '',
        run: 5,
        capabilities: [],
        services: [],
        bindings: [{ vip: VIP, port: 80, handoff, handoffPort: 80 }],
      },
    });
    const resync: Message = { type: 'resync', entries: [], last: true };
    this.part.receive({ kind: 'message', from: peer, message: resync });
    this.part.takeMessages();
  }

  get count(): number {
    return this.#clients.ports.length;
  }

  /** Clients number `from` .. `to` - 1: SYN, SYN-ACK, request, handoff, ready. Returns how many got there. */
  hand(from: number, to: number): number {
    let ready = 0;
    for (let first = from; first < to; first += BATCH) {
      const clients = Array.from({ length: Math.min(BATCH, to - first) }, (_, at) => first + at);
      this.part.nowMs += (clients.length * 1000) / PER_SECOND;
      for (const client of clients) this.part.device.arrive(this.#packet(client, TCP_SYN));
      const synAcks = this.part.settle().map((packet) => readPacket(packet)!);
      for (const [at, client] of clients.entries()) {
        const acknowledgment = (synAcks[at]!.sequence + 1) >>> 0;
        this.part.device.arrive(this.#packet(client, TCP_ACK, acknowledgment));
      }
      this.part.settle();
      ready += this.#answer();
    }
    return ready;
  }

  /** All handoffs are ready at once. */
  #answer(): number {
    const messages = this.part.takeMessages();
    let count = 0;
    for (const { to, message } of messages) {
      if (message.type !== 'handoff') continue;
      const { id, tuple } = message;
      this.part.receive({ kind: 'message', from: to, message: { type: 'ready', id } });
      if (this.#keeps) this.#handed.push({ server: to, handoff: { id, tuple } });
      count += 1;
    }
    this.part.takeMessages(); // confirmations
    this.part.settle();
    return count;
  }

  #packet(client: number, flags: number, acknowledgment = 0): Uint8Array {
    const address = this.#clients.addresses[client]!;
    const isSyn = flags === TCP_SYN;
    const timestamps = { value: client, echo: isSyn ? 0 : Math.floor(this.part.nowMs) };
    return buildPacket({
      source: Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address),
      destination: VIP,
      sourcePort: this.#clients.ports[client]!,
      destinationPort: 80,
      sequence: isSyn ? client : client + 1,
      acknowledgment,
      flags,
      window: 502,
      options: isSyn ? { ...SYN_OPTIONS, timestamps } : { timestamps },
      ...(isSyn ? {} : { payload: ENCODER.encode(request(client)) }),
    });
  }

  /** Nanoseconds per packet, of a client drawn at random for each; one value a round. */
  measurePackets(): number[] {
    const { core } = this.part;
    const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true);
    const slots = core.view.getUint32(worker + L.WORKER_SLOT_BASE, true);
    const base = slots + SLOTS * L.SLOT_SIZE;
    const shape = {
      connections: this.count,
      order: 'uniform',
      packets: PACKETS,
      family: 4,
    } as const;
    const load = { ...shape, core, base, packetLength: 40 };
    writePackets(load, this.#clients, new Random(2));
    const fresh = core.bytes.slice(base, base + PACKETS * STRIDE);
    core.view.setUint32(worker + L.WORKER_SLOT_STRIDE, STRIDE, true);
    const rounds = Array.from({ length: ROUNDS + 1 }, () => measurePasses({ ...load, fresh }));
    core.view.setUint32(worker + L.WORKER_SLOT_STRIDE, L.SLOT_SIZE, true);
    core.view.setUint32(worker + L.WORKER_SLOT_BASE, slots, true);
    return rounds.slice(1); // the first warms up
  }

  /** The servers have closed that many, the first ones; what lingers is over then. */
  close(count: number): void {
    for (const { server, handoff } of this.#handed.slice(0, count)) {
      this.part.receive({ kind: 'message', from: server, message: { type: 'close', ...handoff } });
    }
    this.part.takeMessages();
    this.part.nowMs += TIMING_DEFAULTS.lingerMs + 1000;
  }

  /** This thread's CPU time of each call of a sweep over the whole table, as control makes them (us). */
  sweep(idleTimeoutMs: number): Float64Array {
    const { core, connections, nowMs } = this.part;
    const owner = core.nextOwner();
    const step = SWEEP_ENTRIES;
    const taken = new Float64Array(Math.ceil(connections.entryCount / step));
    for (let call = 0; call < taken.length; call += 1) {
      const before = threadUs();
      core.sweep(owner, call * step, step, nowMs, idleTimeoutMs, L.CONTROL_LIST, step);
      taken[call] = threadUs() - before;
    }
    return taken.sort();
  }
}
