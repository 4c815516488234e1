// Packets of one connection that arrive at different workers, before, while and after it is handed off.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setImmediate as turn } from 'node:timers/promises';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_PSH, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { compileCore } from '../../src/core.ts';
import { buildPacket, type PacketParts } from '../../src/packet/build.ts';
import type { TcpPacket } from '../../src/packet/read.ts';
import { plantedModule } from '../planted/core.ts';
import { HELD_MISTAKES } from '../planted/core-mistakes.ts';
import type { Change } from '../planted/mistakes.ts';
import { programFile } from '../support/programs.ts';
import type { Report } from '../support/report.ts';
import { Random } from '../../src/lab/random.ts';
import { CLIENT, VIP } from '../unit/control/rig.ts';
import { HANDOFF, HANDOFF_PORT, HeldRig } from './held-rig.ts';

/**
 * `ordered`: a packet is given to another worker only when all before it were taken: they must leave in the
 * order in which they came. `at-once`: several workers have packets at the same time, and those of each
 * worker must leave in their order.
 */
export type Arrival = 'ordered' | 'at-once';

export interface HeldOutcome {
  packets: number;
  /** by what happened to them at the switch */
  held: number;
  draining: number;
  direct: number;
  missing: number;
  doubled: number;
  disordered: number;
  faults: string[];
}

const PACKETS = 200;
const MOST_IN_BURST = 4;
const FIRST_PORT = 20_000;
const CLIENT_ISN = 0xffffff00;
const AT_ONCE = 8;
const LIMIT_MS = 20_000;
const REQUEST = new TextEncoder().encode(
  'PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9000\r\n\r\n',
);

class Connection {
  readonly port: number;
  /** the worker that each packet was given to */
  readonly givenTo: number[] = [];
  /** numbers of the packets in the order in which they left */
  readonly left: number[] = [];
  #sequence = (CLIENT_ISN + 1) >>> 0;
  acknowledgment = 0;
  readonly #rig: HeldRig;
  readonly #random: Random;

  constructor(rig: HeldRig, port: number, random: Random) {
    this.#rig = rig;
    this.port = port;
    this.#random = random;
  }

  #anyWorker(): number {
    return this.#random.below(this.#rig.workers);
  }

  #send(worker: number, parts: Partial<PacketParts> & { flags: number }): void {
    const packet = buildPacket({
      source: CLIENT,
      destination: VIP,
      sourcePort: this.port,
      destinationPort: 80,
      sequence: this.#sequence,
      acknowledgment: this.acknowledgment,
      window: 500,
      ...parts,
    });
    this.#sequence = (this.#sequence + (parts.payload?.length ?? 0)) >>> 0;
    this.#rig.give(worker, packet);
  }

  async open(): Promise<void> {
    const syn = { flags: TCP_SYN, sequence: CLIENT_ISN, acknowledgment: 0, options: { mss: 1460 } };
    this.#send(this.#anyWorker(), syn);
    await until(this.#rig, () => this.acknowledgment !== 0);
    this.#send(this.#anyWorker(), { flags: TCP_ACK });
    await until(this.#rig, () => this.#rig.isQuiet());
    this.#send(this.#anyWorker(), { flags: TCP_ACK | TCP_PSH, payload: REQUEST });
    await until(this.#rig, () => this.#rig.handed.has(this.port));
  }

  async sendAll(arrival: Arrival): Promise<void> {
    while (this.givenTo.length < PACKETS) {
      for (let burst = this.#random.between(1, 10); burst > 0; burst -= 1) {
        if (arrival === 'ordered') this.#rig.spin(LIMIT_MS);
        this.#sendBurst(this.#anyWorker());
      }
      this.#rig.collect();
      await turn();
    }
    await until(this.#rig, () => this.left.length >= PACKETS);
  }

  #sendBurst(worker: number): void {
    for (let count = this.#random.between(1, MOST_IN_BURST); count > 0; count -= 1) {
      if (this.givenTo.length === PACKETS) return;
      const payload = new Uint8Array(this.#random.between(4, 80));
      new DataView(payload.buffer).setUint32(0, this.givenTo.length);
      this.givenTo.push(worker);
      this.#send(worker, { flags: TCP_ACK | TCP_PSH, payload });
    }
  }

  /** Numbers that left behind a later one which they had to precede. */
  disordered(arrival: Arrival): number {
    const newest = new Map<number, number>();
    let wrong = 0;
    for (const number of this.left) {
      const line = arrival === 'ordered' ? 0 : this.givenTo[number]!;
      if (number < (newest.get(line) ?? -1)) wrong += 1;
      else newest.set(line, number);
    }
    return wrong;
  }
}

async function until(rig: HeldRig, isTrue: () => boolean): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  for (rig.collect(); !isTrue() && performance.now() < end; rig.collect()) await turn();
}

function take(rig: HeldRig, connections: Map<number, Connection>, packet: TcpPacket): void {
  const toClient = packet.flags === (TCP_SYN | TCP_ACK);
  const connection = connections.get(toClient ? packet.destinationPort : packet.sourcePort);
  if (!connection) return void rig.faults.push('a packet of nobody left');
  if (toClient) {
    connection.acknowledgment = (packet.sequence + 1) >>> 0;
    return;
  }
  const isThere = Buffer.compare(packet.destination, HANDOFF) === 0;
  if (!isThere || packet.destinationPort !== HANDOFF_PORT) rig.faults.push('a wrong server');
  const { payload } = packet;
  if (payload.length < 4) return; // acknowledges only
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  connection.left.push(view.getUint32(0));
}

function outcomeOf(rig: HeldRig, connections: Connection[], arrival: Arrival): HeldOutcome {
  const seen = connections.map(({ left }) => left);
  const sum = (count: (connection: Connection) => number): number =>
    connections.reduce((total, connection) => total + count(connection), 0);
  const distinct = seen.reduce((total, left) => total + new Set(left).size, 0);
  const { heldPackets } = rig.plane.stats();
  const direct = rig.sum(V.COUNTER_FORWARDED);
  const packets = connections.length * PACKETS;
  return {
    packets,
    held: heldPackets,
    draining: packets - heldPackets - direct,
    direct,
    missing: packets - distinct,
    doubled: sum(({ left }) => left.length) - distinct,
    disordered: sum((connection) => connection.disordered(arrival)),
    faults: rig.faults,
  };
}

const PROGRAM_LIMIT_MS = 300_000;

/** The same by a program in a namespace that is made for it. */
export async function holdInNamespace(
  workers: number,
  count: number,
  arrival: Arrival,
  seed: number,
  planted = '',
): Promise<HeldOutcome> {
  const name = `held-${process.pid}-${workers}`;
  const run = promisify(execFile);
  const program = programFile('held-order');
  await run('ip', ['netns', 'add', name]);
  try {
    const args = [program, workers, count, arrival, seed, planted].map(String);
    const command = ['netns', 'exec', name, process.execPath, ...args];
    const { stdout } = await run('ip', command, { timeout: PROGRAM_LIMIT_MS });
    return JSON.parse(stdout) as HeldOutcome;
  } finally {
    await run('ip', ['netns', 'delete', name]);
  }
}

/** Some connections at a time, each handed off while its packets come. Only in a namespace of its own. */
export async function holdInOrder(
  workers: number,
  count: number,
  arrival: Arrival,
  seed: number,
  changes: Change[] = [],
): Promise<HeldOutcome> {
  const random = new Random(seed);
  const isPlanted = changes.length > 0;
  const module = isPlanted ? await plantedModule(changes, 'release') : await compileCore();
  const rig = new HeldRig(module, workers, random);
  const connections = Array.from(
    { length: count },
    (_, index) => new Connection(rig, FIRST_PORT + index, random.fork()),
  );
  const byPort = new Map(connections.map((connection) => [connection.port, connection]));
  rig.onPacket = (packet) => take(rig, byPort, packet);
  await rig.start();
  let next = 0;
  const line = async (): Promise<void> => {
    for (let own = connections[next++]; own; own = connections[next++]) {
      await own.open();
      await own.sendAll(arrival);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  rig.collect();
  const outcome = outcomeOf(rig, connections, arrival);
  await rig.stop();
  return outcome;
}

const CONNECTIONS = 60;

/** With 1, 2 and 4 workers; and that a core which forwards too early is found out. */
export async function checkHeldOrder(report: Report): Promise<void> {
  for (const workers of [1, 2, 4]) {
    for (const arrival of ['ordered', 'at-once'] as const) {
      const outcome = await holdInNamespace(workers, CONNECTIONS, arrival, workers);
      const { packets, held, draining, direct, missing, doubled, disordered, faults } = outcome;
      const wrong = [missing, doubled, disordered, faults.length, ...faults];
      report.check(
        `${workers} worker(s), packets ${arrival}: held ones leave in order, each once`,
        wrong.every((count) => count === 0) && held > 0 && draining > 0 && direct > 0,
        `${packets} packets: ${held} held, ${draining} behind them, ${direct} forwarded; ` +
          `${missing} missing, ${doubled} doubled, ${disordered} out of order ${faults.join('; ')}`,
      );
    }
  }
  for (const { name } of HELD_MISTAKES) {
    let sum = 0;
    for (const arrival of ['ordered', 'at-once'] as const) {
      sum += (await holdInNamespace(4, CONNECTIONS, arrival, 1, name)).disordered;
    }
    report.check(`4 workers: it fails with ${name}`, sum > 0, `${sum} out of order`);
  }
}
