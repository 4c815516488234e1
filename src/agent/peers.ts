import { LEASE_COUNT } from '../../assembly/layout.ts';
import { TAKES_IDLE } from '../channel/idle-message.ts';
import type { Hello } from '../channel/messages.ts';
import type { SplicedServer } from '../config/splicing.ts';
import { spliceGroup } from './splice.ts';
import type { Giver } from './takeover.ts';

/** A host that gives connections to this agent; it is remembered when its channel breaks. */
export interface Peer extends Giver {
  run: number;
}

/** FNV-1a of a group's name, as it stands in the record. */
export function groupHash(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** Peers by name and by the index that stands in records. */
export class Peers {
  readonly #byName = new Map<string, Peer>();
  readonly #byIndex: Peer[] = [];
  /** servers that are spliced, by the peer that hands their connections over */
  spliced: ReadonlyMap<string, SplicedServer> = new Map();

  /** A peer of an earlier run of the agent; in the order in which that run saw them. */
  remember(name: string, group: string): Peer {
    const peer = this.#byName.get(name) ?? this.#add(name);
    peer.groupName = group;
    peer.group = groupHash(group);
    return peer;
  }

  up(name: string, hello: Hello): Peer {
    const peer = this.remember(name, hello.group);
    peer.server = this.spliced.get(name);
    if (peer.server) peer.groupName = spliceGroup(hello.group, name, peer.server);
    peer.run = hello.run;
    peer.up = true;
    peer.takesIdle = hello.capabilities.includes(TAKES_IDLE);
    return peer;
  }

  down(name: string): void {
    const peer = this.#byName.get(name);
    if (peer) peer.up = false;
  }

  /** More peers than leases share them: a lease then runs as long as the youngest. */
  #add(name: string): Peer {
    const index = this.#byIndex.length;
    const lease = index % LEASE_COUNT;
    const unknown = { group: 0, groupName: '', run: 0, up: false, takesIdle: false };
    const peer = { peer: name, index, lease, ...unknown };
    this.#byName.set(name, peer);
    this.#byIndex.push(peer);
    return peer;
  }

  named(name: string): Peer | undefined {
    return this.#byName.get(name);
  }

  at(index: number): Peer | undefined {
    return this.#byIndex[index];
  }

  *[Symbol.iterator](): Iterator<Peer> {
    yield* this.#byIndex;
  }
}
