import { FOLLOWS_ROSTER, WIRE_NO_SERVER, viewOf } from '../../channel/dispatch-messages.ts';
import type { Dispatch, Roster } from '../../channel/dispatch-messages.ts';
import type { Hello, Message } from '../../channel/messages.ts';
import * as wire from '../../channel/wire.ts';
import type { Config } from '../../config/config.ts';
import type { Effects, OutgoingMessage, Plane, PlaneEvent } from '../../event.ts';
import { Dispatcher } from './dispatcher.ts';
import { NO_SERVER } from './policy.ts';
import { RosterOf } from './roster.ts';

export interface DispatcherOptions {
  config: Config;
  /** 32 bits, drawn at start */
  run: number;
  /** 0 <= x < 1 */
  random: () => number;
}

/**
 * The control plane of a dispatcher on a host of its own: the same policies, for the distributors of
 * several hosts. It knows servers by name only; which of them may be chosen each request says. All that
 * it knows it is told, or learns, anew.
 */
export class DispatcherPlane implements Plane {
  private readonly options: DispatcherOptions;
  private readonly servers: { name: string; weight: number }[];
  private pools: Config['pools'];
  /** by pool: servers that distributors have in it, which the configuration here may not know yet */
  private readonly told = new Map<string, Set<string>>();
  private readonly dispatcher: Dispatcher;
  private readonly distributors = new Map<string, RosterOf>();
  private messages: OutgoingMessage[] = [];
  private readonly figures = { batches: 0, decisions: 0, largestBatch: 0, undecided: 0 };

  constructor(options: DispatcherOptions) {
    this.options = options;
    const { servers, pools } = options.config;
    this.servers = servers.map(({ name, weight }) => ({ name, weight }));
    this.pools = pools;
    this.dispatcher = new Dispatcher(servers, pools, options.random);
  }

  receive(event: PlaneEvent, nowMs: number): Effects {
    if (event.kind === 'channel-up') this.up(event.peer);
    else if (event.kind === 'channel-down') this.down(event.peer);
    else if (event.kind === 'message') this.heard(event.from, event.message, nowMs);
    else if (event.kind === 'config') this.configure(event.config);
    const { messages } = this;
    this.messages = [];
    return { packets: [], messages, deadlineMs: Infinity };
  }

  stats() {
    const { active } = this.dispatcher.loads;
    return {
      ...this.figures,
      servers: this.servers.map(({ name }, index) => ({ name, active: active[index] ?? 0 })),
      distributors: [...this.distributors].map(([name, roster]) => ({
        name,
        active: roster.total,
      })),
    };
  }

  private up(peer: string): void {
    this.down(peer);
    this.distributors.set(peer, new RosterOf());
    this.messages.push({ to: peer, message: this.hello() });
  }

  private hello(): Hello {
    const { config, run } = this.options;
    const nothing = { group: '', services: [], bindings: [] };
    const capabilities = [FOLLOWS_ROSTER];
    const version = wire.PROTOCOL_VERSION;
    const own = { version, name: config.name, roles: ['dispatcher'], run, capabilities };
    return { type: 'hello', ...own, ...nothing };
  }

  /** What it had is not known any more: it tells when it is back. */
  private down(peer: string): void {
    this.distributors.get(peer)?.forget(this.dispatcher.loads);
    this.distributors.delete(peer);
  }

  private heard(from: string, message: Message, nowMs: number): void {
    const roster = this.distributors.get(from);
    if (!roster) return;
    if (message.type === 'roster') this.takeRoster(roster, message, nowMs);
    else if (message.type === 'dispatch') this.answer(from, roster, message, nowMs);
  }

  private takeRoster(roster: RosterOf, message: Roster, nowMs: number): void {
    roster.forget(this.dispatcher.loads);
    this.follow(message, nowMs);
    roster.take(message, this.dispatcher.loads, this.servers);
  }

  /** Servers that were added at a distributor, or have another weight there, or are starting. */
  private follow({ pools, servers, details }: Roster, nowMs: number): void {
    if (!details) return;
    const { standings, members } = details;
    let isNew = false;
    servers.forEach(({ name }, number) => {
      isNew = this.weigh(name, standings[number]!.weight) || isNew;
    });
    pools.forEach((pool, index) => {
      const told = this.told.get(pool) ?? new Set();
      this.told.set(pool, told);
      const before = told.size;
      for (const number of members[index]!) if (servers[number]) told.add(servers[number].name);
      isNew ||= told.size !== before;
    });
    if (isNew) this.renew();
    standings.forEach(({ sinceMs, slowStartMs }, number) => {
      const index = this.servers.findIndex(({ name }) => name === servers[number]!.name);
      if (slowStartMs > 0) this.dispatcher.startSlowly(index, slowStartMs, nowMs - sinceMs);
    });
  }

  /** True: it was not known, or had another weight. */
  private weigh(name: string, weight: number): boolean {
    const known = this.servers.find((server) => server.name === name);
    if (!known) return this.servers.push({ name, weight }) > 0;
    const isOther = known.weight !== weight;
    known.weight = weight;
    return isOther;
  }

  private configure({ servers, pools }: Config): void {
    // a server keeps its index; one that is gone is in no pool
    for (const { name, weight } of servers) this.weigh(name, weight);
    this.pools = pools;
    this.renew();
  }

  private renew(): void {
    const pools = this.pools.map((pool) => {
      const told = this.told.get(pool.name) ?? [];
      return { ...pool, servers: [...new Set([...pool.servers, ...told])] };
    });
    this.dispatcher.configure(this.servers, pools);
    for (const roster of this.distributors.values()) {
      roster.rename(this.dispatcher.loads, this.servers);
    }
  }

  /** One answer for each batch: its sender waits for it before it sends the next. */
  private answer(from: string, roster: RosterOf, message: Dispatch, nowMs: number): void {
    const { dispatcher, figures } = this;
    const { number, requests } = message;
    roster.count(dispatcher, message.counts);
    const count = requests.length / wire.REQUEST_SIZE;
    const setCount = roster.readSets(message, this.servers.length);
    const view = viewOf(requests);
    const servers = new Uint8Array(count * 2);
    const out = viewOf(servers);
    for (let index = 0; index < count; index += 1) {
      const at = index * wire.REQUEST_SIZE;
      const pool = roster.pools[view.getUint16(at + wire.REQUEST_POOL)];
      const set = view.getUint16(at + wire.REQUEST_SET);
      let chosen = NO_SERVER;
      if (pool !== undefined && set < setCount) {
        const target = view.getUint32(at + wire.REQUEST_TARGET);
        const present = view.getUint16(at + wire.REQUEST_PRESENT);
        chosen = this.choose(roster, pool, target, present, roster.sets[set]!, nowMs);
      }
      if (chosen === NO_SERVER) figures.undecided += 1;
      out.setUint16(index * 2, chosen === NO_SERVER ? WIRE_NO_SERVER : chosen);
    }
    figures.batches += 1;
    figures.decisions += count;
    figures.largestBatch = Math.max(figures.largestBatch, count);
    this.messages.push({ to: from, message: { type: 'dispatched', number, servers } });
  }

  /** The distributor's number of the server, or NO_SERVER. */
  private choose(
    roster: RosterOf,
    pool: string,
    target: number,
    present: number,
    usable: Uint8Array,
    nowMs: number,
  ): number {
    const { dispatcher } = this;
    if (present === WIRE_NO_SERVER) {
      const server = dispatcher.assign(pool, target, usable, nowMs);
      return server === NO_SERVER ? NO_SERVER : roster.assigned(server);
    }
    const from = roster.indexes[present] ?? NO_SERVER;
    if (from === NO_SERVER) return NO_SERVER;
    const server = dispatcher.follow(pool, target, from, usable, nowMs);
    return server === NO_SERVER ? NO_SERVER : roster.numbers[server]!;
  }
}
