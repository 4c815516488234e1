// What an agent owes several switches of one group: answers, reservations, and the ends of connections.
import * as L from '../../assembly/layout.ts';
import { FrontNotices } from '../channel/front-notices.ts';
import { NOT_YOURS } from '../channel/group-messages.ts';
import type { Asked, Found, Query } from '../channel/group-messages.ts';
import type { Close, Confirm, Handoff, HandoffId, Message } from '../channel/messages.ts';
import { isAfter } from '../packet/sequence.ts';
import { idKey, sameId, tupleKey } from '../tuple.ts';
import type { Bindings } from './bindings.ts';
import type { Entries } from './entries.ts';
import type { Peer } from './peers.ts';

/** So long nobody else may hand over what was reserved, */
const RESERVED_MS = 3000;
/** and so long its holder may, which asked at most 1 s before: no two can hold all agents' reservations. */
const TAKEABLE_MS = 2000;
const LIMIT = 65536;

interface Reservation {
  by: string;
  sinceMs: number;
}

export interface GroupParts {
  entries: Entries;
  bindings: Bindings;
  send: (to: string, message: Message) => void;
  /** until when the agent may act for that peer (ms); absent: for ever */
  leaseDeadlineMs?: (peer: string) => number;
}

export class GroupWatch {
  readonly #parts: GroupParts;
  readonly #notices: FrontNotices;
  /** by tuple and ISN, the oldest first */
  readonly #reserved = new Map<string, Reservation>();
  /** by handoff id: switches besides the giver that have the connection in their tables */
  readonly #askers = new Map<string, Set<string>>();

  constructor(parts: GroupParts) {
    this.#parts = parts;
    this.#notices = new FrontNotices(parts.send);
  }

  up({ peer, groupName }: Peer, nowMs: number): void {
    this.#notices.up(peer, groupName, nowMs);
  }

  down(name: string, nowMs: number): void {
    this.#notices.down(name, nowMs);
  }

  time(nowMs: number): void {
    this.#notices.time(nowMs);
  }

  confirm(from: string, { ids, of }: Confirm): void {
    this.#notices.confirm(from, ids, of);
  }

  has(name: string): boolean {
    return this.#notices.has(name);
  }

  /** That switch takes the connection into its table. */
  watched(id: HandoffId, by: string): void {
    const key = idKey(id);
    const askers = this.#askers.get(key) ?? new Set<string>();
    this.#askers.set(key, askers.add(by));
  }

  /** Who has it in its table, besides its giver, must know. */
  ended(
    { id, tuple, clientIsn }: Pick<Close, 'id' | 'tuple'> & { clientIsn: number },
    nowMs: number,
  ) {
    const askers = this.#askers.get(idKey(id));
    if (!askers) return;
    this.#askers.delete(idKey(id));
    const close = { type: 'close', id, tuple, clientIsn } as const;
    this.#notices.tell(close, (_, name) => askers.has(name), nowMs);
  }

  /** Who has these? */
  asked({ asked }: Query, peer: Peer, nowMs: number): void {
    const found = asked.map((each) => this.#answer(each, peer, nowMs));
    this.#parts.send(peer.peer, { type: 'answer', found });
  }

  #answer(asked: Asked, peer: Peer, nowMs: number): Found {
    const found = this.#find(asked, peer);
    if (found) return found;
    const none = { asked, id: { run: 0, counter: 0 }, clientIsn: 0, server: '' };
    if (asked.clientIsn === null) return { ...none, verdict: 'unknown' };
    const isHis = this.#reserve(keyOf(asked.tuple, asked.clientIsn, peer), peer.peer, nowMs);
    return { ...none, verdict: isHis ? 'unknown' : 'taken' };
  }

  /** Null: nothing here speaks against a handoff of it. */
  #find(asked: Asked, peer: Peer): Found | null {
    const { entries } = this.#parts;
    const entry = this.#entryOf(asked.tuple, peer);
    if (entry === null) return null;
    const { connections } = entries;
    const id = connections.id(entry);
    const clientIsn = connections.record32(entry, L.RECORD_CLIENT_ISN);
    if (asked.clientIsn !== null && isAfter(asked.clientIsn, clientIsn)) return null;
    if ((entries.terminal(entry) & L.TERMINAL_FAILED) !== 0) return null;
    const isSame = asked.clientIsn === null || asked.clientIsn === clientIsn;
    const isReady = entries.isOpen(entry) && connections.state(entry) !== L.STATE_REPLAYING;
    if (!isSame || !isReady) return { asked, id, clientIsn, verdict: 'taken', server: '' };
    if (connections.record16(entry, L.RECORD_SERVER) !== peer.index) this.watched(id, peer.peer);
    return { asked, id, clientIsn, verdict: 'mine', server: '' };
  }

  #entryOf({ client, clientPort, vip, vipPort }: Asked['tuple'], peer: Peer): number | null {
    const binding = this.#parts.bindings.find(peer.groupName, vip, vipPort);
    return binding && this.#parts.entries.find({ client, clientPort, vip, vipPort }, binding);
  }

  #reserve(key: string, by: string, nowMs: number): boolean {
    const known = this.#live(key, nowMs);
    if (known && known.by < by) return false;
    for (const [oldest, { sinceMs }] of this.#reserved) {
      if (nowMs - sinceMs < RESERVED_MS) break;
      this.#reserved.delete(oldest);
    }
    if (this.#reserved.size >= LIMIT) return false;
    this.#reserved.delete(key);
    this.#reserved.set(key, { by, sinceMs: nowMs });
    return true;
  }

  #live(key: string, nowMs: number): Reservation | undefined {
    const known = this.#reserved.get(key);
    return known && nowMs - known.sinceMs < RESERVED_MS ? known : undefined;
  }

  /** Whether the switch may hand this over: '' or why not. */
  refusal(handoff: Handoff, peer: Peer, nowMs: number): string {
    const { tuple, clientIsn, id } = handoff;
    const entry = this.#entryOf(tuple, peer);
    const { connections } = this.#parts.entries;
    if (entry !== null && sameId(connections.id(entry), id)) return '';
    // it has waited while this agent stood still: the others may have counted it as dead
    const leaseMs = this.#parts.leaseDeadlineMs?.(peer.peer) ?? Infinity;
    if (nowMs > leaseMs) return `${NOT_YOURS}read too late`;
    const reserved = this.#live(keyOf(tuple, clientIsn, peer), nowMs);
    if (reserved && reserved.by !== peer.peer) return `${NOT_YOURS}reserved for another switch`;
    if (handoff.reserved && (!reserved || nowMs - reserved.sinceMs >= TAKEABLE_MS)) {
      return `${NOT_YOURS}no longer reserved`;
    }
    if (entry === null || connections.record16(entry, L.RECORD_SERVER) === peer.index) return '';
    const found = this.#find({ tuple, clientIsn }, peer);
    return found ? `${NOT_YOURS}another switch has given it` : '';
  }
}

function keyOf({ client, clientPort, vip, vipPort }: Asked['tuple'], isn: number, peer: Peer) {
  const key = tupleKey({ client, clientPort, local: vip, localPort: vipPort });
  return `${key} ${isn} ${peer.group}`;
}
