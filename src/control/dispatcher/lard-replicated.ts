import { LardThresholds } from './lard-thresholds.ts';
import { NO_SERVER, leastLoaded, loadOf } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';
import { TargetTable } from './target-table.ts';

const TARGETS = 65536;
const REPLICA_MS = 20_000;
const BITS = 32;

/**
 * LARD with replication (Pai et al. 1998, LARD/R): a hot target has a set of servers. It gains one when
 * even its least loaded must shed load, and loses the most loaded one when the set did not change for
 * `replicaMs`.
 */
export class LardReplicated implements Policy {
  private readonly thresholds: LardThresholds;
  private readonly replicaMs: number;
  private readonly targets = new TargetTable(TARGETS);
  private readonly changedMs = new Float64Array(this.targets.places);
  /** by place: a bit for each server */
  private sets = new Uint32Array(0);
  private words = 0;
  private context: PolicyContext | undefined;

  constructor(tLow: number, tHigh: number, replicaMs = REPLICA_MS) {
    this.thresholds = new LardThresholds(tLow, tHigh);
    this.replicaMs = replicaMs;
  }

  init(context: PolicyContext): void {
    this.context = context;
    const words = Math.ceil(context.loads.weight.length / BITS);
    if (words === this.words) return;
    // more servers than a set has bits for: what was learned is forgotten
    this.words = words;
    this.sets = new Uint32Array(this.targets.places * words);
    this.targets.clear();
  }

  parse(request: RequestHead): number {
    return request.targetHash;
  }

  select(target: number, usable: Uint8Array, nowMs: number): number {
    const { context } = this;
    if (!context) return NO_SERVER;
    const found = this.targets.find(target);
    const least = found < 0 ? NO_SERVER : this.leastOf(found, usable);
    if (least === NO_SERVER) {
      const first = leastLoaded(context, usable);
      if (first !== NO_SERVER)
        this.begin(found < 0 ? this.targets.claim(target) : found, first, nowMs);
      return first;
    }
    const most = this.mostOf(found);
    let chosen = least;
    if (this.thresholds.mustMove(context, least, usable)) {
      chosen = leastLoaded(context, usable);
      this.change(found, chosen, true, nowMs);
    }
    const isOld = nowMs - this.changedMs[found]! > this.replicaMs;
    if (isOld && most !== chosen) this.change(found, most, false, nowMs);
    return chosen;
  }

  private begin(place: number, server: number, nowMs: number): void {
    this.sets.fill(0, place * this.words, (place + 1) * this.words);
    this.change(place, server, true, nowMs);
  }

  private change(place: number, server: number, isIn: boolean, nowMs: number): void {
    const word = place * this.words + (server >>> 5);
    const bit = 1 << (server & 31);
    const set = this.sets[word]!;
    if (((set & bit) !== 0) === isIn) return;
    this.sets[word] = isIn ? set | bit : set & ~bit;
    this.changedMs[place] = nowMs;
  }

  private holds(place: number, server: number): boolean {
    return ((this.sets[place * this.words + (server >>> 5)]! >>> (server & 31)) & 1) === 1;
  }

  private leastOf(place: number, usable: Uint8Array): number {
    let least = NO_SERVER;
    for (const server of this.context!.members) {
      if (usable[server] !== 1 || !this.holds(place, server)) continue;
      if (least === NO_SERVER || this.load(server) < this.load(least)) least = server;
    }
    return least;
  }

  /** The last of equals, so that it is another than the least loaded; also one that may not be chosen now. */
  private mostOf(place: number): number {
    let most = NO_SERVER;
    for (const server of this.context!.members) {
      if (!this.holds(place, server)) continue;
      if (most === NO_SERVER || this.load(server) >= this.load(most)) most = server;
    }
    return most;
  }

  private load(server: number): number {
    return loadOf(this.context!, server);
  }

  shutdown(): void {
    this.targets.clear();
    this.context = undefined;
  }
}
