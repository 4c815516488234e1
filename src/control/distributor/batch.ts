import { WIRE_NO_SERVER, viewOf } from '../../channel/dispatch-messages.ts';
import type { Dispatch } from '../../channel/dispatch-messages.ts';
import * as wire from '../../channel/wire.ts';
import type { Dispatcher } from '../dispatcher/dispatcher.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import type { Question } from '../opening.ts';

/** With counts and sets of servers it fits into a frame. */
const REQUESTS_LIMIT = 4096;
const SETS_LIMIT = 16_384;
const COUNTS_LIMIT = 1024;
const U16_LIMIT = 0xffff;

/** A batch while it is put together. */
export class BatchOf {
  readonly questions: Question[] = [];
  private readonly pools: Map<string, number>;
  private readonly setSize: number;
  private readonly sets: Uint8Array[] = [];
  private readonly setNumbers: number[] = [];
  private counts = new Uint8Array(0);

  constructor({ poolNames, serverNames }: Dispatcher) {
    this.pools = new Map(poolNames.map((name, number) => [name, number]));
    this.setSize = Math.ceil(serverNames.length / 8);
  }

  get isEmpty(): boolean {
    return this.questions.length === 0 && this.counts.length === 0;
  }

  /** False: there is no room. */
  add(question: Question): boolean {
    if (this.questions.length >= REQUESTS_LIMIT) return false;
    const set = this.setNumber(question.usable);
    if (set < 0) return false;
    this.setNumbers.push(set);
    this.questions.push(question);
    return true;
  }

  /** Most requests may go to the same servers: few sets are told. */
  private setNumber(usable: Uint8Array): number {
    const bits = new Uint8Array(this.setSize);
    usable.forEach((one, server) => {
      if (one === 1) bits[server >> 3]! |= 1 << (server & 7);
    });
    const known = this.sets.findIndex((set) => set.every((byte, at) => byte === bits[at]));
    if (known >= 0) return known;
    if ((this.sets.length + 1) * this.setSize > SETS_LIMIT) return -1;
    return this.sets.push(bits) - 1;
  }

  /** Takes out what it tells. */
  addCounts(taken: Map<number, number>, over: Map<number, number>): void {
    const servers = [...new Set([...taken.keys(), ...over.keys()])].slice(0, COUNTS_LIMIT);
    this.counts = new Uint8Array(servers.length * wire.COUNT_SIZE);
    const view = viewOf(this.counts);
    servers.forEach((server, index) => {
      const at = index * wire.COUNT_SIZE;
      view.setUint16(at + wire.COUNT_SERVER, server);
      view.setUint16(at + wire.COUNT_TAKEN, takeFrom(taken, server));
      view.setUint16(at + wire.COUNT_OVER, takeFrom(over, server));
    });
  }

  message(number: number): Dispatch {
    const requests = new Uint8Array(this.questions.length * wire.REQUEST_SIZE);
    const view = viewOf(requests);
    this.questions.forEach(({ pool, target, present }, index) => {
      const at = index * wire.REQUEST_SIZE;
      view.setUint32(at + wire.REQUEST_TARGET, target);
      view.setUint16(at + wire.REQUEST_POOL, this.pools.get(pool) ?? U16_LIMIT);
      view.setUint16(at + wire.REQUEST_SET, this.setNumbers[index]!);
      const told = present === NO_SERVER ? WIRE_NO_SERVER : present;
      view.setUint16(at + wire.REQUEST_PRESENT, told);
    });
    const { setSize } = this;
    const sets = new Uint8Array(this.sets.length * setSize);
    this.sets.forEach((set, index) => sets.set(set, index * setSize));
    return { type: 'dispatch', number, requests, counts: this.counts, sets, setSize };
  }
}

function takeFrom(counts: Map<number, number>, server: number): number {
  const count = counts.get(server) ?? 0;
  const told = Math.min(count, U16_LIMIT);
  if (told === count) counts.delete(server);
  else counts.set(server, count - told);
  return told;
}
