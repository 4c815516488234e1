// A scene: what the table holds, and what each thread then calls; as an image of the memory and a
// scenario for the explorer.
import { TUPLE_SIZE, UPDATE_ID, UPDATE_SERVER } from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import { TCP_ACK } from '../../assembly/wire/tcp.ts';
import { Connections } from '../../src/connections.ts';
import { createCore } from '../../src/core.ts';
import { buildPacket } from '../../src/packet/build.ts';

/** A connection's key is its client port; the generation tells its server and its handoff id. */
export type Call =
  | { name: 'forward'; key: number }
  | { name: 'lookup'; key: number }
  | { name: 'insert'; key: number; generation: number; state?: number }
  | { name: 'update'; entry: number; from: number; to: number }
  | { name: 'remove'; entry: number; generation: number }
  | { name: 'release'; dead: number };

export interface SceneThread {
  calls: Call[];
  mayDie?: boolean;
  /** begins when this thread is dead or has finished */
  after?: number;
}

export interface Scene {
  id: string;
  name: string;
  table?: 'keyed' | 'paper';
  /** entries in all */
  room: number;
  /** keys that are there, in FORWARD, generation 1; the last one heads the chain */
  present: number[];
  threads: SceneThread[];
}

export const NO_SERVER = 0;
export const OWNER = 1; // of the first thread; the next ones follow

const CALLS = { forward: 0, lookup: 1, insert: 2, update: 3, remove: 4, release: 5 };
const ARGUMENTS = 7;
const NOW_MS = 1_000_000;
const VIP = Uint8Array.of(192, 0, 2, 80);
const CLIENT = Uint8Array.of(10, 80, 1, 2);
const PORT = 80;
const TEMPLATES = L.CONTROL_BUFFER;
const TUPLES = L.CONTROL_BUFFER + 0x4000;
const PIECE = 0x200; // from one template or tuple to the next
const HEAD_WORDS = 7; // version and destination are among a packet's first

function server(generation: number): Uint8Array {
  return Uint8Array.of(10, 81, generation, 1);
}

/** The client's packet as it comes, or as it leaves to a generation's server. */
function packet(key: number, generation: number): Uint8Array {
  return buildPacket({
    source: CLIENT,
    sourcePort: key,
    destination: generation === NO_SERVER ? VIP : server(generation),
    destinationPort: PORT,
    sequence: 1,
    acknowledgment: 1,
    window: 500,
    flags: TCP_ACK,
  });
}

function words(bytes: Uint8Array, count: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true));
}

/** What a packet that was forwarded to a generation's server begins with. */
export function headOf(key: number, generation: number): number[] {
  return words(packet(key, generation), HEAD_WORDS);
}

export interface Staged {
  image: Uint8Array;
  scenario: string;
  /** word addresses whose values an outcome's `memory` holds, in this order */
  dumped: number[];
}

/** A memory with the scene's connections, all in one bucket. */
class Stage {
  readonly connections: Connections;
  readonly lines: string[] = [];
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #pieces = 0;

  constructor(buffer: ArrayBufferLike) {
    this.#view = new DataView(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.connections = new Connections(buffer);
  }

  fill(key: number, generation: number, state: number): void {
    this.connections
      .template()
      .state(state)
      .key({ client: CLIENT, clientPort: key, local: VIP, localPort: PORT })
      .server(server(generation), PORT)
      .id({ run: 1, counter: generation })
      .created(NOW_MS)
      .deadline(2 * NOW_MS);
  }

  /** A template of its own for a call. */
  template(key: number, generation: number, state: number): number {
    this.fill(key, generation, state);
    const at = TEMPLATES + PIECE * this.#pieces++;
    this.#bytes.copyWithin(at, L.CONTROL_TEMPLATE, L.CONTROL_TEMPLATE + L.TEMPLATE_SIZE);
    return at;
  }

  tuple(key: number): number {
    const tuple = { client: CLIENT, clientPort: key, local: VIP, localPort: PORT };
    this.connections.writeTuple(tuple);
    const at = TUPLES + PIECE * this.#pieces++;
    this.#bytes.copyWithin(at, L.CONTROL_TUPLE, L.CONTROL_TUPLE + TUPLE_SIZE);
    return at;
  }

  slot(worker: number): number {
    const at = this.#view.getUint32(L.HEADER_WORKER_BASE, true) + worker * L.WORKER_SIZE;
    return this.#view.getUint32(at + L.WORKER_SLOT_BASE, true);
  }

  /** A worker forwards one packet: its first slot's. */
  load(worker: number, key: number): number {
    const slot = this.slot(worker);
    const bytes = packet(key, NO_SERVER);
    this.#bytes.set(bytes, slot + L.SLOT_PACKET);
    this.#view.setUint32(slot + L.SLOT_LENGTH, bytes.length, true);
    return slot;
  }

  call(call: Call, thread: number): void {
    const owner = OWNER + thread;
    const write = (given: number[], seen = 0, count = 0): void => {
      const padded = Array.from({ length: ARGUMENTS }, (_, index) => given[index] ?? 0);
      this.lines.push(`call ${CALLS[call.name]} ${seen} ${count} ${padded.join(' ')}`);
    };
    if (call.name === 'forward') {
      const slot = this.load(thread, call.key);
      write([thread, 1, NOW_MS], slot + L.SLOT_PACKET, HEAD_WORDS);
    } else if (call.name === 'lookup') write([this.tuple(call.key)]);
    else if (call.name === 'insert') {
      write([owner, this.template(call.key, call.generation, call.state ?? L.STATE_FORWARD)]);
    } else if (call.name === 'update') {
      const template = this.template(0, call.to, L.STATE_FORWARD);
      write([owner, call.entry, 1, call.from, template, UPDATE_SERVER | UPDATE_ID]);
    } else if (call.name === 'remove') write([owner, call.entry, 1, call.generation]);
    else write([owner, OWNER + call.dead]);
  }
}

/** The words by which an outcome is judged: the pool's, the bucket's, each entry's. */
function dumpedWords(connections: Connections, bucket: number): number[] {
  const entries = Array.from({ length: connections.entryCount }, (_, index) => {
    const entry = connections.entryAddress(index);
    const fields = [L.ENTRY_NEXT, L.ENTRY_STATE, L.ENTRY_CLIENT_PORT, L.ENTRY_SERVER_ADDRESS4];
    const id = connections.recordAddress(index) + L.RECORD_ID_COUNTER;
    return [...fields.map((field) => entry + field), id];
  });
  const header = [L.HEADER_FREE_LOCK, L.HEADER_FREE_HEAD, L.HEADER_FREE_COUNT];
  const counts = [L.HEADER_HALF_OPEN_COUNT, L.HEADER_UNPROVEN_COUNT];
  const ofBucket = [bucket + L.BUCKET_VERSION, bucket + L.BUCKET_HEAD];
  return [...header, ...counts, ...ofBucket, ...entries.flat()];
}

export async function stage(scene: Scene, states: number): Promise<Staged> {
  const core = await createCore(
    {
      role: 'switch',
      ...(scene.table ? { table: scene.table } : {}),
      connections: scene.room,
      workers: scene.threads.length,
      slots: 1,
      slotStride: 256,
      toControlBytes: 4096,
      fromControlBytes: 4096,
      halfOpenLimit: scene.room,
      seeds: [1n, 3n],
      services: [{ address: VIP, port: PORT }],
    },
    'single',
  );
  const { buffer } = core.memory;
  core.view.setUint32(L.HEADER_BUCKET_COUNT, 1, true);
  const on = new Stage(buffer);
  for (const key of scene.present) {
    on.fill(key, 1, L.STATE_FORWARD);
    core.insert(OWNER, L.CONTROL_TEMPLATE);
  }
  const bucket = core.view.getUint32(L.HEADER_BUCKET_BASE, true);
  const dumped = dumpedWords(on.connections, bucket);
  on.lines.push(`states ${states}`, `ignore ${bucket + L.BUCKET_LOCKS}`);
  on.lines.push(`lock ${bucket} ${L.VERSION_LOCKED}`, `lock ${L.HEADER_FREE_LOCK} ${0xff}`);
  for (const [index, { calls, mayDie, after }] of scene.threads.entries()) {
    on.lines.push(`thread ${after ?? -1} ${mayDie ? 1 : 0}`);
    const worker = core.view.getUint32(L.HEADER_WORKER_BASE, true) + index * L.WORKER_SIZE;
    core.view.setUint32(worker + L.WORKER_OWNER, OWNER + index, true);
    for (const call of calls) on.call(call, index);
  }
  on.lines.push(...dumped.map((at) => `dump ${at} 1`));
  return { image: new Uint8Array(buffer).slice(), scenario: on.lines.join('\n'), dumped };
}
