import type { QueueConfig } from '../../config/capacity.ts';
import type { Config, PoolConfig } from '../../config/config.ts';
import type { Opening } from '../opening.ts';
import { Line } from './line.ts';

/** More clients than this do not wait for a server, where the pool does not say how many do. */
export const WAITING_LIMIT = 1024;

/** What one pool's queue looks like now. */
export interface QueueView {
  pool: string;
  waiting: number;
  /** most that wait */
  length: number;
}

/**
 * Requests for which there is no server, or none with room, in pools that have a queue. One line for all:
 * pools may share servers, and whoever came first goes first.
 */
export class Queues {
  private readonly line = new Line<Opening>();
  private readonly counts = new Map<string, number>();
  private queues = new Map<string, QueueConfig>();
  private tickets = 0;
  /** somebody who waits may have a server now */
  isDue = false;

  /** Those who wait in the queue of a pool that has none any more wait on, as long as they would have. */
  configure({ pools, servers, timing }: Config): void {
    const limited = new Set<string>();
    for (const { name, maxConnections } of servers) {
      if (maxConnections !== undefined) limited.add(name);
    }
    const hasQueue = (pool: PoolConfig): boolean => {
      const isLimited = pool.maxConnections !== undefined;
      return (
        isLimited || pool.queue !== undefined || pool.servers.some((name) => limited.has(name))
      );
    };
    const otherwise = { length: WAITING_LIMIT, timeoutMs: timing.serverWaitMs };
    const wanted = pools.filter(hasQueue);
    this.queues = new Map(wanted.map(({ name, queue }) => [name, queue ?? otherwise]));
    this.isDue = true;
  }

  get size(): number {
    return this.line.length;
  }

  ticket(): number {
    this.tickets += 1;
    return this.tickets;
  }

  /** How its requests wait; undefined: in no order. */
  of(pool: string): QueueConfig | undefined {
    return this.queues.get(pool);
  }

  has(opening: Opening): boolean {
    return this.line.has(opening);
  }

  /** Whether its pool has a queue, and somebody came before it. */
  isBehind({ pool, ticket }: { pool: string; ticket: number }): boolean {
    return this.queues.has(pool) && this.line.isBehind(ticket);
  }

  join(opening: Opening): void {
    const { pool, ticket } = opening.handing!;
    this.line.join(opening, ticket);
    this.counts.set(pool, this.waiting(pool) + 1);
    if (this.isTooLong(pool)) this.isDue = true;
  }

  /** Who must go, now that all room has been given out: of each pool the youngest above its length. */
  takeSurplus(): Opening[] {
    const surplus: Opening[] = [];
    for (const pool of this.counts.keys()) {
      while (this.isTooLong(pool)) {
        const youngest = this.line.last(({ handing }) => handing!.pool === pool)!;
        this.leave(youngest);
        surplus.push(youngest);
      }
    }
    return surplus;
  }

  leave(opening: Opening): void {
    if (!this.line.leave(opening)) return;
    const { pool } = opening.handing!;
    const count = this.waiting(pool) - 1;
    if (count > 0) this.counts.set(pool, count);
    else this.counts.delete(pool);
  }

  /** Those who wait, who came first is first. */
  inOrder(): Opening[] {
    return this.line.inOrder();
  }

  /** How many pools somebody waits for. */
  get poolCount(): number {
    return this.counts.size;
  }

  views(): QueueView[] {
    return [...this.queues].map(([pool, { length }]) => {
      return { pool, waiting: this.waiting(pool), length };
    });
  }

  private isTooLong(pool: string): boolean {
    return this.waiting(pool) > (this.queues.get(pool)?.length ?? Infinity);
  }

  private waiting(pool: string): number {
    return this.counts.get(pool) ?? 0;
  }
}
