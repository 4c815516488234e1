import { viewOf } from '../../channel/dispatch-messages.ts';
import type { Dispatch, Roster } from '../../channel/dispatch-messages.ts';
import * as wire from '../../channel/wire.ts';
import type { Dispatcher } from './dispatcher.ts';
import { NO_SERVER } from './policy.ts';
import type { Loads } from './policy.ts';

type Named = readonly { name: string }[];

/** What a distributor's numbers stand for at its dispatcher, and how many connections it has where. */
export class RosterOf {
  /** names by the distributor's numbers */
  pools: string[] = [];
  private names: string[] = [];
  /** by its number: index here, or NO_SERVER */
  indexes = new Int32Array(0);
  /** by index here: its number, or NO_SERVER */
  numbers = new Int32Array(0);
  /** by its number: its connections */
  private active = new Int32Array(0);
  /** of the batch that was read last: 1 for each server, by index here, that may be chosen */
  sets: Uint8Array[] = [];

  get total(): number {
    return this.active.reduce((sum, count) => sum + count, 0);
  }

  take({ pools, servers }: Roster, loads: Loads, known: Named): void {
    this.pools = pools;
    this.names = servers.map(({ name }) => name);
    this.active = Int32Array.from(servers, ({ active }) => active);
    this.rename(loads, known);
  }

  /** Its servers have other indexes now, or there are more; those of an unknown one count nowhere. */
  rename(loads: Loads, known: Named): void {
    const before = this.indexes;
    const places = new Map(known.map(({ name }, index) => [name, index]));
    this.indexes = Int32Array.from(this.names, (name) => places.get(name) ?? NO_SERVER);
    this.numbers = new Int32Array(known.length).fill(NO_SERVER);
    this.indexes.forEach((index, number) => {
      if (index === NO_SERVER) return;
      this.numbers[index] = number;
      if ((before[number] ?? NO_SERVER) === NO_SERVER) loads.active[index]! += this.active[number]!;
    });
  }

  /** All its connections count no more. */
  forget(loads: Loads): void {
    this.indexes.forEach((index, number) => {
      if (index !== NO_SERVER) loads.active[index]! -= this.active[number]!;
    });
    this.pools = [];
    this.names = [];
    this.indexes = new Int32Array(0);
    this.numbers.fill(NO_SERVER);
    this.active = new Int32Array(0);
  }

  /** A new connection of its is counted on that server: the distributor's number. */
  assigned(server: number): number {
    const number = this.numbers[server]!;
    if (number !== NO_SERVER) this.active[number]! += 1;
    return number;
  }

  /** Connections that its servers got and lost without this dispatcher. */
  count(dispatcher: Dispatcher, counts: Uint8Array): void {
    const view = viewOf(counts);
    for (let at = 0; at < counts.length; at += wire.COUNT_SIZE) {
      const number = view.getUint16(at + wire.COUNT_SERVER);
      if (number >= this.active.length) continue;
      const taken = view.getUint16(at + wire.COUNT_TAKEN);
      // never fewer than none, whatever it says
      const over = Math.min(view.getUint16(at + wire.COUNT_OVER), this.active[number]! + taken);
      this.active[number]! += taken - over;
      const index = this.indexes[number]!;
      if (index === NO_SERVER) continue;
      for (let times = 0; times < taken; times += 1) dispatcher.adopt(index);
      for (let times = 0; times < over; times += 1) dispatcher.release(index);
    }
  }

  /** Which servers may be chosen: the number of sets that are now in `sets`, which are reused. */
  readSets({ sets, setSize }: Dispatch, serverCount: number): number {
    const count = setSize === 0 ? 0 : sets.length / setSize;
    for (let set = 0; set < count; set += 1) {
      if (this.sets[set]?.length !== serverCount) this.sets[set] = new Uint8Array(serverCount);
      const usable = this.sets[set]!;
      for (let index = 0; index < serverCount; index += 1) {
        const number = this.numbers[index] ?? NO_SERVER;
        const isIn = number !== NO_SERVER && number >> 3 < setSize;
        usable[index] = isIn ? (sets[set * setSize + (number >> 3)]! >> (number & 7)) & 1 : 0;
      }
    }
    return count;
  }
}
