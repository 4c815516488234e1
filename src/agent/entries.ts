import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { Handoff, HandoffId, Release, ResyncEntry, Tuple } from '../channel/messages.ts';
import type { Prefix } from '../config/address.ts';
import type { Connections } from '../connections.ts';
import type { Core } from '../core.ts';
import { Reserve } from '../reserve.ts';
import type { Template } from '../template.ts';
import type { LocalTuple } from '../tuple.ts';
import type { AgentBinding } from './bindings.ts';
import { fillTemplate } from './replay-entry.ts';
import { splicePlace } from './splice.ts';
import type { FormerEntry } from './former.ts';
import type { KernelEnds } from './segments.ts';
import { advance } from '../packet/sequence.ts';
import type { Giver, Outcome } from './takeover.ts';

export type TableCore = Pick<
  Core,
  | 'lookup'
  | 'insert'
  | 'update'
  | 'held'
  | 'release'
  | 'rest'
  | 'remove'
  | 'sweep'
  | 'reclaim'
  | 'steer'
  | 'nextOwner'
  | 'hashTarget'
>;

/** The agent's entries: all that is known of a connection once its replay is over. */
export class Entries {
  readonly connections: Connections;
  readonly #core: TableCore;
  readonly #owner: number;
  readonly #workers: number;
  readonly #words: Int32Array;
  /** 1 for each entry that is not over; the fast path does not know it */
  readonly #isOpen: Uint8Array;
  open = 0;
  /** there was a connection of which each request is dispatched */
  hasRequests = false;
  readonly reserve: Reserve;
  readonly #splice: readonly Prefix[];

  /** `splice`: prefixes of the addresses by which servers on other hosts know the clients */
  constructor(
    core: TableCore,
    connections: Connections,
    workers: number,
    splice: readonly Prefix[] = [],
  ) {
    this.#splice = splice;
    this.#core = core;
    this.connections = connections;
    this.#workers = workers;
    this.#owner = core.nextOwner();
    this.#words = new Int32Array(connections.bytes.buffer);
    this.#isOpen = new Uint8Array(connections.entryCount);
    this.reserve = new Reserve(core, this.#owner, connections);
  }

  /** The entry of a tuple at a binding; null when there is none. */
  find(tuple: Tuple, binding: AgentBinding): number | null {
    this.connections.writeTuple(localTuple(tuple, binding));
    const entry = this.#core.lookup(L.CONTROL_TUPLE);
    return this.connections.isIndex(entry) ? entry : null;
  }

  /** A new entry in REPLAYING; null when the table has no room or the tuple is taken. */
  insert(
    handoff: Handoff,
    giver: Giver,
    binding: AgentBinding,
    deadlineMs: number,
    nowMs: number,
  ): number | null {
    const key = localTuple(handoff.tuple, binding);
    this.connections.writeTuple(key);
    const worker = this.#core.steer(L.CONTROL_TUPLE) % this.#workers;
    fillTemplate(this.connections.template(), handoff, giver, binding)
      .key(key)
      .entry8(L.ENTRY_WORKER, worker)
      .entry32(L.ENTRY_LAST_SEEN, Math.floor(nowMs / 1000))
      .deadline(deadlineMs)
      .created(nowMs);
    const entry = this.#core.insert(this.#owner, L.CONTROL_TEMPLATE);
    if (!this.connections.isIndex(entry)) return null;
    this.#isOpen[entry] = 1;
    this.open += 1;
    this.hasRequests ||= handoff.requests !== undefined;
    return entry;
  }

  /** An entry of an earlier run of the agent, in that state; null when the table does not take it. */
  adopt(image: FormerEntry, state: number): number | null {
    const worker = image.entry[L.ENTRY_WORKER]! % this.#workers;
    this.connections
      .templateFrom(image.entry, image.record)
      .state(state)
      .record32(L.RECORD_RESETS, 0)
      .entry8(L.ENTRY_WORKER, worker);
    const entry = this.#core.insert(this.#owner, L.CONTROL_TEMPLATE);
    if (!this.connections.isIndex(entry)) return null;
    if (state !== L.STATE_CLOSED) {
      this.#isOpen[entry] = 1;
      this.open += 1;
      this.hasRequests ||= (this.connections.flags(entry) & L.FLAG_REQUESTS) !== 0;
    }
    return entry;
  }

  /** Changes an entry if it still has that id; `what` are UPDATE_*. */
  update(
    entry: number,
    id: HandoffId,
    what: number,
    change: (template: Template) => void,
  ): boolean {
    change(this.connections.templateOf(entry));
    const { run, counter } = id;
    return this.#core.update(this.#owner, entry, run, counter, L.CONTROL_TEMPLATE, what) === 1;
  }

  /** RELEASE_* */
  release(entry: number, { id, sequence, acknowledgment, requests }: Release): number {
    const asked = { sequence, acked: acknowledgment, requests };
    return this.#core.release(this.#owner, entry, id, asked);
  }

  /** Those of [from, from + count) that have come to rest between two requests; noted in their flags. */
  rest(from: number, count: number, seenBeforeS: number): number[] {
    const limit = L.CONTROL_LIST_LIMIT;
    const found = this.#core.rest(this.#owner, from, count, seenBeforeS, L.CONTROL_LIST, limit);
    return this.connections.list(found);
  }

  /** What its giver must know of a connection that was released. */
  released(entry: number): Extract<Outcome, { kind: 'released' }> {
    const { connections } = this;
    const delta = connections.entry32(entry, L.ENTRY_SEQUENCE_DELTA);
    const next = advance(connections.record32(entry, L.RECORD_SERVER_NEXT), -delta);
    const timestamp = connections.record32(entry, L.RECORD_SERVER_TIMESTAMP);
    const id = connections.id(entry);
    return { kind: 'released', id, tuple: this.tuple(entry), next, timestamp };
  }

  /** CLOSED until the deadline; what the server's kernel still sends is dropped. */
  silence(entry: number, id: HandoffId, deadlineMs: number): void {
    const what = C.UPDATE_STATE | C.UPDATE_DEADLINE | C.UPDATE_FLAGS_SET;
    this.update(entry, id, what, (template) =>
      template.state(L.STATE_CLOSED).flags(L.FLAG_SILENT).deadline(deadlineMs),
    );
  }

  /** A CLOSED entry stays until then, for late packets of both ends. */
  linger(entry: number, id: HandoffId, deadlineMs: number): void {
    this.update(entry, id, C.UPDATE_DEADLINE, (template) => template.deadline(deadlineMs));
  }

  /** Counts a packet that went to control as given up. */
  giveUp(entry: number, id: HandoffId, count = 1): void {
    if (count > 0) this.#core.held(this.#owner, entry, id.run, id.counter, count);
  }

  remove(entry: number, id: HandoffId): void {
    this.over(entry);
    this.#core.remove(this.#owner, entry, id.run, id.counter);
  }

  /** Notes that an entry is over; true the first time. */
  over(entry: number): boolean {
    if (this.#isOpen[entry] !== 1) return false;
    this.#isOpen[entry] = 0;
    this.open -= 1;
    return true;
  }

  isOpen(entry: number): boolean {
    return this.#isOpen[entry] === 1;
  }

  /** Those of a giver that are not over. */
  ofGiver({ index }: Giver): number[] {
    return this.#open((entry) => this.connections.record16(entry, L.RECORD_SERVER) === index);
  }

  /** Those that servers have, of a group of switches, whoever gave them. */
  ofGroup(group: number): number[] {
    const { connections } = this;
    return this.#open((entry) => {
      const isReady = connections.state(entry) !== L.STATE_REPLAYING;
      return isReady && connections.record32(entry, L.RECORD_GROUP) === group;
    });
  }

  #open(isWanted: (entry: number) => boolean): number[] {
    const found: number[] = [];
    for (let entry = 0; entry < this.connections.entryCount; entry += 1) {
      if (this.isOpen(entry) && isWanted(entry)) found.push(entry);
    }
    return found;
  }

  listed(entry: number): ResyncEntry {
    const clientIsn = this.connections.record32(entry, L.RECORD_CLIENT_ISN);
    return { id: this.connections.id(entry), tuple: this.tuple(entry), clientIsn };
  }

  /** Entries of [from, from + count) on which somebody must act: deadline passed, or idle. */
  sweep(from: number, count: number, nowMs: number, idleTimeoutMs: number): number[] {
    const limit = L.CONTROL_LIST_LIMIT;
    const list = L.CONTROL_LIST;
    const owner = this.#owner;
    const found = this.#core.sweep(owner, from, count, nowMs, idleTimeoutMs, list, limit);
    return this.connections.list(found);
  }

  terminal(entry: number): number {
    return Atomics.load(this.#words, this.#terminalWord(entry));
  }

  setTerminal(entry: number, bits: number): void {
    Atomics.or(this.#words, this.#terminalWord(entry), bits);
  }

  clearTerminal(entry: number, bits: number): void {
    Atomics.and(this.#words, this.#terminalWord(entry), ~bits);
  }

  /** Whether more resets came than were reported; the next ones are reported again. */
  takeResets(entry: number): boolean {
    const word = (this.connections.recordAddress(entry) + L.RECORD_RESETS) >>> 2;
    return Atomics.exchange(this.#words, word, 0) > C.RESETS_LIMIT;
  }

  #terminalWord(entry: number): number {
    return (this.connections.recordAddress(entry) + L.RECORD_TERMINAL) >>> 2;
  }

  /** As of a request target, the same on every host. */
  hash(bytes: Uint8Array): number {
    this.connections.writeBuffer(bytes);
    return this.#core.hashTarget(L.CONTROL_BUFFER, bytes.length);
  }

  /** The connection as the client sees it. */
  tuple(entry: number): Tuple {
    return {
      client: this.connections.client(entry),
      clientPort: this.connections.clientPort(entry),
      vip: this.connections.vip(entry),
      vipPort: this.connections.vipPort(entry),
    };
  }

  /** The connection as the server's kernel sees it. */
  ends(entry: number): KernelEnds {
    const server = this.connections.server(entry);
    const spliced = splicePlace(this.#splice, entry, server.length);
    return {
      client: spliced?.address ?? this.connections.client(entry),
      clientPort: spliced?.port ?? this.connections.clientPort(entry),
      server,
      serverPort: this.connections.serverPort(entry),
    };
  }
}

function localTuple(tuple: Tuple, binding: AgentBinding): LocalTuple {
  const { client, clientPort } = tuple;
  return { client, clientPort, local: binding.handoff, localPort: binding.handoffPort };
}
