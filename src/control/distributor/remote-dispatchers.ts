// Dispatchers on other hosts, as a distributor asks them: one batch at a time (Aron et al. 2000, section
// 5.4).
import { FOLLOWS_ROSTER, WIRE_NO_SERVER, viewOf } from '../../channel/dispatch-messages.ts';
import type { Dispatched } from '../../channel/dispatch-messages.ts';
import type { Hello, Message } from '../../channel/messages.ts';
import type { Dispatcher } from '../dispatcher/dispatcher.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import type { Question } from '../opening.ts';
import { BatchOf } from './batch.ts';

/** So long a connection waits for an answer; then a policy of this host decides. */
export const ANSWER_MS = 100;

/** It asks another dispatcher now. */
const NOTHING: Message = { type: 'roster', pools: [], servers: [] };

export type Decide = (question: Question, server: number) => void;
type Send = (to: string, message: Message) => void;

export class RemoteDispatchers {
  /** in order: the first that can be reached is asked */
  private readonly names: readonly string[];
  private readonly local: Dispatcher;
  /** those that can be reached, and whether they follow a roster's details */
  private readonly up = new Map<string, boolean>();
  /** who is asked */
  private current: string | undefined;
  private isRosterDue = false;
  private number = 0;
  /** asked and not answered */
  private outstanding: Question[] | null = null;
  private sentMs = 0;
  private queue: Question[] = [];
  /** that many at the queue's front have gone */
  private gone = 0;
  /** by server: connections that the dispatcher does not know of yet */
  private readonly taken = new Map<number, number>();
  private readonly over = new Map<number, number>();
  private readonly figures = {
    /** with requests, and with counts alone */
    batches: 0,
    reports: 0,
    /** by a dispatcher on another host, and here, as none answered in time */
    decisions: 0,
    local: 0,
    /** answers that came too late */
    late: 0,
    largestBatch: 0,
  };

  /** `local`: the dispatcher of this host, which stands in for those. */
  constructor(names: readonly string[], local: Dispatcher) {
    this.names = names;
    this.local = local;
    local.onStart = () => this.renamed();
    local.onCount = (server, change) => this.count(server, change);
  }

  has(peer: string): boolean {
    return this.names.includes(peer);
  }

  channelUp(name: string, { capabilities }: Pick<Hello, 'capabilities'>): void {
    this.up.set(name, capabilities.includes(FOLLOWS_ROSTER));
  }

  /** Returns what it was asked and has not answered. */
  channelDown(name: string): Question[] {
    this.up.delete(name);
    if (name !== this.current) return [];
    const asked = [...(this.outstanding ?? []), ...this.queue.slice(this.gone)];
    this.current = undefined;
    this.outstanding = null;
    this.queue = [];
    this.gone = 0;
    return asked.filter(isOpen);
  }

  /** The numbers of servers or pools have changed, or how a server is weighed. */
  renamed(): void {
    this.isRosterDue = true;
  }

  /** False: nobody can be reached, or one that can has not answered in time. */
  canAsk(nowMs: number): boolean {
    if (this.outstanding) return nowMs < this.sentMs + ANSWER_MS;
    return this.up.size > 0;
  }

  /** Its answer comes to `decide` of answered(); it goes with the next batch. */
  ask(question: Question): void {
    this.queue.push(question);
  }

  /** A decision was made here, as nobody answered. */
  decidedHere(): void {
    this.figures.local += 1;
  }

  /** A server has got (+1) or lost (-1) a connection without the dispatcher's knowledge. */
  count(server: number, change: 1 | -1): void {
    const counts = change > 0 ? this.taken : this.over;
    counts.set(server, (counts.get(server) ?? 0) + 1);
  }

  answered(from: string, message: Dispatched, decide: Decide): void {
    const { outstanding } = this;
    if (from !== this.current || !outstanding || message.number !== this.number) return;
    this.outstanding = null;
    const view = viewOf(message.servers);
    outstanding.forEach((question, index) => {
      const at = index * 2;
      const found = at < message.servers.length ? view.getUint16(at) : WIRE_NO_SERVER;
      const server = found === WIRE_NO_SERVER ? NO_SERVER : found;
      if (isOpen(question)) {
        this.figures.decisions += 1;
        return decide(question, server);
      }
      this.figures.late += 1;
      this.decline(question, server);
    });
  }

  /** The dispatcher has counted a connection that went elsewhere. */
  decline(question: Question, server: number): void {
    if (server !== NO_SERVER && question.present === NO_SERVER) this.count(server, -1);
  }

  /** Sends what has gathered, unless a batch is outstanding. */
  send(nowMs: number, send: Send): void {
    if (this.outstanding) return;
    this.choose(send);
    const { current } = this;
    if (current === undefined) return;
    if (this.isRosterDue) {
      send(current, this.roster(this.up.get(current)!, nowMs));
      this.isRosterDue = false;
    }
    if (this.queue.length + this.taken.size + this.over.size === 0) return;
    const batch = this.gather();
    if (batch.isEmpty) return;
    this.number = (this.number + 1) >>> 0;
    this.outstanding = batch.questions;
    this.sentMs = nowMs;
    this.countBatch(batch.questions.length);
    send(current, batch.message(this.number));
  }

  private countBatch(requests: number): void {
    const { figures } = this;
    if (requests === 0) figures.reports += 1;
    else figures.batches += 1;
    figures.largestBatch = Math.max(figures.largestBatch, requests);
  }

  stats() {
    const { batches, decisions } = this.figures;
    const perBatch = batches === 0 ? 0 : Math.round((decisions / batches) * 100) / 100;
    return { dispatcher: this.current ?? '', ...this.figures, decisionsPerBatch: perBatch };
  }

  /** Two that count the same connections are told apart: the one that is left has none. */
  private choose(send: Send): void {
    const first = this.names.find((name) => this.up.has(name));
    if (first === this.current) return;
    if (this.current !== undefined) send(this.current, NOTHING);
    this.current = first;
    this.isRosterDue = true;
  }

  private roster(follows: boolean, nowMs: number): Message {
    // all of them are in it
    this.taken.clear();
    this.over.clear();
    const { serverNames, poolNames, loads } = this.local;
    const servers = serverNames.map((name, index) => ({ name, active: loads.active[index]! }));
    const roster: Message = { type: 'roster', pools: [...poolNames], servers };
    return follows ? { ...roster, details: this.local.details(nowMs) } : roster;
  }

  /** Takes from the queue what fits into one batch. */
  private gather(): BatchOf {
    const batch = new BatchOf(this.local);
    const { queue } = this;
    let at = this.gone;
    while (at < queue.length && (!isOpen(queue[at]!) || batch.add(queue[at]!))) at += 1;
    // what has gone is thrown away when it is most of it: a long queue is not copied for every batch
    const isMost = at * 2 >= queue.length;
    if (isMost) this.queue = queue.slice(at);
    this.gone = isMost ? 0 : at;
    batch.addCounts(this.taken, this.over);
    return batch;
  }
}

/** Whether its connection still waits for the answer. */
function isOpen(question: Question): boolean {
  return question.opening.question === question;
}
