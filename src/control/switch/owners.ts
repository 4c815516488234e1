import type { Tuple } from '../../channel/messages.ts';

/** After a change of who can be reached, and after the start: a lease, and what a client may wait. */
const UNSETTLED_MS = 10_000;

/** Who of a group's switches is there, and which one owns a tuple (DESIGN: one owner for each). */
export class Owners {
  readonly #self: string;
  readonly #peers = new Map<string, boolean>();
  #changedMs: number | undefined;

  constructor(self: string, peers: readonly string[]) {
    this.#self = self;
    for (const peer of peers) this.#peers.set(peer, false);
  }

  /** False: this switch is alone by its configuration, and nothing is asked. */
  get areThere(): boolean {
    return this.#peers.size > 0;
  }

  has(name: string): boolean {
    return this.#peers.has(name);
  }

  /** Those that can be reached. */
  get up(): string[] {
    return [...this.#peers].flatMap(([name, isUp]) => (isUp ? [name] : []));
  }

  changed(name: string, isUp: boolean, nowMs: number): void {
    this.#peers.set(name, isUp);
    this.#changedMs = nowMs;
  }

  /** All are there and have been for a while: what the owner does not know nobody has. */
  isSettled(nowMs: number): boolean {
    this.#changedMs ??= nowMs;
    const areAll = [...this.#peers.values()].every((isUp) => isUp);
    return areAll && nowMs - this.#changedMs >= UNSETTLED_MS;
  }

  /** By rendezvous: the highest of all hashes of a name and the tuple; null: this one. */
  ownerOf(tuple: Tuple): string | null {
    let best: string | null = null;
    let highest = weightOf(this.#self, tuple);
    for (const name of this.up) {
      const weight = weightOf(name, tuple);
      if (weight < highest || (weight === highest && name > (best ?? this.#self))) continue;
      best = name;
      highest = weight;
    }
    return best;
  }
}

/** FNV-1a, then MurmurHash3's finalizer: a name's letters must change all bits. */
function weightOf(name: string, { client, clientPort, vip, vipPort }: Tuple): number {
  let hash = 0x811c9dc5;
  const add = (byte: number): void => void (hash = Math.imul(hash ^ (byte & 255), 0x01000193));
  for (const byte of client) add(byte);
  for (const byte of vip) add(byte);
  for (const port of [clientPort, vipPort]) {
    add(port >> 8);
    add(port);
  }
  for (let at = 0; at < name.length; at += 1) add(name.charCodeAt(at));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
