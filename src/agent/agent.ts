import * as L from '../../assembly/layout.ts';
import { FrontNotices, isInFront } from '../channel/front-notices.ts';
import { IN_GROUP, type Message, type ResyncEntry } from '../channel/messages.ts';
import type { Close, Handoff, Hello, Resync } from '../channel/messages.ts';
import { formatEndpoint } from '../config/address.ts';
import type { Config, TakeoverConfig } from '../config/config.ts';
import { splicedServers } from '../config/splicing.ts';
import { Connections } from '../connections.ts';
import type { Core } from '../core.ts';
import type { Effects, Plane, PlaneEvent } from '../event.ts';
import { idKey } from '../tuple.ts';
import { Bindings, type AgentBinding } from './bindings.ts';
import { outcomeMessage } from './close.ts';
import { Entries } from './entries.ts';
import { agentHello } from './hello.ts';
import { noFigures, type AgentFigures } from './figures.ts';
import type { AgentNames, FormerRun } from './former.ts';
import { GroupWatch } from './group.ts';
import { Outbox } from './outbox.ts';
import { Peers, groupHash } from './peers.ts';
import type { Peer } from './peers.ts';
import { Comparison } from './resync.ts';
import type { Giver, Outcome, Takeover } from './takeover.ts';
import { Translate } from './translate.ts';

const LOAD_INTERVAL_MS = 1000;

export interface AgentOptions {
  core: Core;
  config: Pick<Config, 'workers' | 'timing'> & { agent?: TakeoverConfig | undefined };
  /** 32-bit id of this start of the program */
  run: number;
  /** [0, 1) */
  random: () => number;
  hostName: string;
  /** until when it may act for that peer (ms); absent: for ever */
  leaseDeadlineMs?: (peer: string) => number;
  /** what an operator should know */
  notice?: (text: string) => void;
}

/**
 * The part of baton on a server's host: every peer may hand connections over; it learns VIPs, groups and
 * switches from their hello and answers with the addresses that it gives them.
 */
export class Agent implements Plane {
  readonly #options: AgentOptions;
  readonly #peers = new Peers();
  readonly #outbox = new Outbox();
  readonly #figures = noFigures();
  readonly #bindings: Bindings;
  readonly #takeover: Takeover;
  readonly #entries: Entries;
  readonly #group: GroupWatch;
  readonly #timing: Config['timing'];
  readonly #fronts = new FrontNotices((to, message) => this.#outbox.message(to, message));
  readonly #comparisons = new Map<string, Comparison>();
  #nextLoadMs = -Infinity;
  #isLeaving = false;
  #line: string;

  /** The memory map must have been written and the core initialised. */
  constructor(options: AgentOptions) {
    this.#options = options;
    this.#line = options.run.toString(16);
    const { config, core } = options;
    this.#timing = { ...config.timing };
    const { handoff = [], service = [], splice } = config.agent ?? {};
    this.#bindings = new Bindings(handoff, service);
    if (splice) this.#peers.spliced = splice.servers;
    const connections = new Connections(core.memory.buffer);
    const entries = new Entries(core, connections, config.workers, splice?.addresses);
    this.#entries = entries;
    const send = (to: string, message: Message) => this.#outbox.message(to, message);
    this.#group = new GroupWatch({ ...options, entries, bindings: this.#bindings, send });
    this.#takeover = new Translate({
      entries,
      ended: (entry, nowMs) => this.#ended(entry, nowMs),
      bindings: this.#bindings,
      outbox: this.#outbox,
      figures: this.#figures,
      timing: this.#timing,
      tell: (giver, outcome) => this.#tell(giver, outcome),
      giverAt: (index) => this.#peers.at(index),
      acknowledgedMs: (peer) =>
        (options.leaseDeadlineMs?.(peer) ?? Infinity) - config.timing.leaseMs,
      notice: (text) => this.#notice(text),
    });
  }

  /**
   * Goes on with what an earlier run left: the same peers and bindings under the same indexes, and
   * their connections. Before the first receive(). Returns how many connections those are.
   */
  adopt({ names, table }: FormerRun, nowMs: number): number {
    for (const { name, group } of names.peers) this.#peers.remember(name, group);
    for (const { group, vip, port } of names.bindings) {
      this.#bindings.give(group, { vip: Uint8Array.from(vip), port, serverPort: 0 });
    }
    const { connections, left } = this.#takeover.adopt(table, nowMs);
    if (left === 0) this.#line = names.line;
    return connections;
  }

  /** What the next run needs besides the table: what stands in records as an index only. */
  names(): AgentNames {
    const named = ({ group, vip, port }: AgentBinding) => ({ group, vip: [...vip], port });
    const peers = [...this.#peers].map(({ peer, groupName }) => ({ name: peer, group: groupName }));
    return { line: this.#line, peers, bindings: this.#bindings.all().map(named) };
  }

  /** No handoff is accepted any more: the agent is about to end. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Handoffs whose outcome is open, and what must pass control before it may end. */
  get underWay(): number {
    return this.#takeover.underWay;
  }

  receive(event: PlaneEvent, nowMs: number): Effects {
    if (event.kind === 'packet') this.#takeover.packet(event, nowMs);
    else if (event.kind === 'message') this.#message(event.from, event.message, nowMs);
    else if (event.kind === 'channel-up') this.#channelUp(event.peer, event.hello, nowMs);
    else if (event.kind === 'channel-down') this.#down(event.peer, nowMs);
    else if (event.kind === 'config') this.#configure(event.config);
    const takeoverMs = this.#takeover.time(nowMs);
    this.#reportLoad(nowMs);
    this.#fronts.time(nowMs);
    this.#group.time(nowMs);
    return this.#outbox.take(Math.min(takeoverMs, this.#nextLoadMs));
  }

  stats(): AgentFigures {
    return { ...structuredClone(this.#figures), open: this.#takeover.open };
  }

  /** Index of the lease (HEADER_LEASE_BASE) that this peer's connections live on; null = never seen. */
  leaseOf(peer: string): number | null {
    return this.#peers.named(peer)?.lease ?? null;
  }

  #configure(config: Config): void {
    Object.assign(this.#timing, config.timing);
    if (this.#options.config.agent?.splice) this.#peers.spliced = splicedServers(config);
  }

  #channelUp(name: string, hello: Hello, nowMs: number): void {
    if (isInFront(hello)) return this.#frontUp(name, hello, nowMs);
    this.#fronts.forget(name);
    this.#up(name, hello, nowMs);
  }

  /** It hands nothing over, but must know where all connections of its group are. */
  #frontUp(name: string, hello: Hello, nowMs: number): void {
    this.#rebind(name, hello);
    this.#fronts.up(name, hello.group, nowMs);
    const entries = this.#takeover.list({ groupHash: groupHash(hello.group) });
    this.#outbox.message(name, { type: 'resync', entries, last: true });
  }

  /** A connection that was served is over. */
  #ended(entry: number, nowMs: number): void {
    const over = this.#entries.listed(entry);
    this.#group.ended(over, nowMs);
    if (!this.#fronts.areThere) return;
    const of = this.#entries.connections.record32(entry, L.RECORD_GROUP);
    const close = { type: 'close', ...over } as const;
    this.#fronts.tell(close, (group) => groupHash(group) === of, nowMs);
  }

  /** Its terminal messages go before its list: the other side must not take what they name for lost. */
  #up(name: string, hello: Hello, nowMs: number): void {
    const peer = this.#peers.up(name, hello);
    this.#rebind(name, hello, peer);
    this.#takeover.reachable(peer, nowMs);
    const here = this.#takeover.list(peer);
    this.#comparisons.set(name, new Comparison(here));
    for (const requests of this.#takeover.releases.requests(peer))
      this.#outbox.message(name, requests);
    const entries = hello.capabilities.includes(IN_GROUP) ? this.#ofGroup(peer, here, nowMs) : here;
    this.#outbox.message(name, { type: 'resync', entries, last: true });
  }

  /** What a switch must know that shares the packets of its VIPs with others: theirs, too. */
  #ofGroup(peer: Peer, own: ResyncEntry[], nowMs: number): ResyncEntry[] {
    this.#group.up(peer, nowMs);
    const known = new Set(own.map(({ id }) => idKey(id)));
    const others = this.#takeover
      .list({ groupHash: peer.group })
      .filter(({ id }) => !known.has(idKey(id)));
    for (const { id } of others) this.#group.watched(id, peer.peer);
    return [...own, ...others];
  }

  /** Its connections stay and are served. */
  #down(name: string, nowMs: number): void {
    this.#fronts.down(name, nowMs);
    this.#group.down(name, nowMs);
    this.#peers.down(name);
    this.#comparisons.delete(name);
  }

  #bind({ group, services }: Hello, peer?: Peer): AgentBinding[] {
    const addresses = peer?.server?.addresses;
    const keys = addresses ? 'switch.splice.source' : 'agent.handoff and agent.service';
    return services.flatMap((offer) => {
      const binding = this.#bindings.give(peer?.groupName ?? group, offer, addresses);
      if (binding) return [binding];
      // a server without an address of that family has no use for that VIP
      if (addresses?.every(({ length }) => length !== offer.vip.length)) return [];
      const what = formatEndpoint(offer.vip, offer.port);
      this.#notice(`no address is left for ${what}: widen ${keys}`);
      return [];
    });
  }

  #hello(given: AgentBinding[]): Hello {
    return agentHello({ ...this.#options, line: this.#line }, given);
  }

  #message(from: string, message: Message, nowMs: number): void {
    const peer = this.#peers.named(from);
    if (this.#fronts.has(from)) this.#frontMessage(from, message);
    else if (message.type === 'handoff') this.#handoff(from, peer, message, nowMs);
    else if (!peer) return;
    else if (message.type === 'close') this.#close(peer, message, nowMs);
    // its services have changed; what was given before stays given
    else if (message.type === 'hello') this.#rebind(from, message, peer);
    else if (message.type === 'query') this.#group.asked(message, peer, nowMs);
    else if (message.type === 'confirm') {
      this.#group.confirm(from, message);
      for (const id of message.ids) this.#takeover.confirm(id, peer, message.of);
    } else if (message.type === 'resync') this.#resync(peer, message, nowMs);
    else if (message.type === 'release') this.#takeover.releases.ask(message, peer, nowMs);
    else if (message.type === 'requests') this.#takeover.releases.note(message, peer);
  }

  #rebind(from: string, hello: Hello, peer?: Peer): void {
    this.#outbox.message(from, this.#hello(this.#bind(hello, peer)));
  }

  #frontMessage(from: string, message: Message): void {
    if (message.type === 'confirm') this.#fronts.confirm(from, message.ids, message.of);
    else if (message.type === 'hello') this.#rebind(from, message);
  }

  #handoff(from: string, peer: Peer | undefined, message: Handoff, nowMs: number): void {
    const isOthers = peer && this.#group.has(from) ? this.#group.refusal(message, peer, nowMs) : '';
    if (peer && !this.#isLeaving && isOthers === '') {
      return this.#takeover.accept(message, peer, nowMs);
    }
    const failed = { type: 'failed', id: message.id, delivered: 'no' } as const;
    const reason = isOthers || (peer ? 'the agent is stopping' : 'no hello came before it');
    this.#outbox.message(from, { ...failed, reason });
  }

  #close(peer: Peer, { id, tuple }: Close, nowMs: number): void {
    this.#release({ id, tuple }, peer, nowMs);
    this.#outbox.message(peer.peer, { type: 'confirm', ids: [id], of: 'close' });
  }

  /** What the peer does not know is nobody's: its client was given to another, or is gone. */
  #resync(peer: Peer, { entries, last }: Resync, nowMs: number): void {
    const comparison = this.#comparisons.get(peer.peer);
    if (!comparison) return;
    comparison.named(entries);
    if (!last) return;
    this.#comparisons.delete(peer.peer);
    for (const each of comparison.rest()) this.#release(each, peer, nowMs);
  }

  #release({ id, tuple }: Pick<Close, 'id' | 'tuple'>, peer: Peer, nowMs: number): void {
    if (!this.#takeover.release(id, tuple, peer, nowMs)) return;
    this.#group.ended({ id, tuple, clientIsn: 0 }, nowMs);
  }

  #tell(giver: Giver, outcome: Outcome): boolean {
    if (!this.#peers.at(giver.index)?.up) return false;
    this.#outbox.message(giver.peer, outcomeMessage(outcome));
    return true;
  }

  /** Agents that were started together do not all report at the same moment. */
  #reportLoad(nowMs: number): void {
    if (this.#nextLoadMs === -Infinity) {
      this.#nextLoadMs = nowMs + this.#options.random() * LOAD_INTERVAL_MS;
    }
    if (nowMs < this.#nextLoadMs) return;
    this.#nextLoadMs = nowMs + LOAD_INTERVAL_MS;
    for (const { peer, up } of this.#peers) {
      if (up) this.#outbox.message(peer, { type: 'load', openConnections: this.#takeover.open });
    }
  }

  #notice(text: string): void {
    this.#options.notice?.(text);
  }
}
