// Pools that are down because too few of their servers can be used, and what stands in for them.
import { quorumOf } from '../config/capacity.ts';
import type { Config } from '../config/config.ts';
import { isOpen } from './server.ts';
import type { SwitchState } from './state.ts';

interface Quorum {
  least: number;
  hysteresis: number;
  sorry: string | null;
  isUp: boolean;
}

/** What one pool's quorum looks like now. */
export interface QuorumView {
  pool: string;
  isUp: boolean;
  /** its servers that can be used */
  usable: number;
  quorum: number;
}

/** Pools that have a quorum or a sorry pool. One begins as up. */
export class Quorums {
  private quorums = new Map<string, Quorum>();

  /** What is up or down stays so until the next look. */
  configure({ pools }: Config): void {
    const before = this.quorums;
    this.quorums = new Map();
    for (const pool of pools) {
      const numbers = quorumOf(pool, pool.servers.length);
      if (!numbers) continue;
      const isUp = before.get(pool.name)?.isUp ?? true;
      this.quorums.set(pool.name, { ...numbers, sorry: pool.sorry ?? null, isUp });
    }
  }

  /** The pool whose servers get its new connections: itself, its sorry pool, or null: none. */
  servingFor(pool: string): string | null {
    const quorum = this.quorums.get(pool);
    return !quorum || quorum.isUp ? pool : quorum.sorry;
  }

  /**
   * Looks at all servers. True: a pool went down or came up. Not as long as nobody knows yet which agents
   * are there.
   */
  look(state: SwitchState, nowMs: number): boolean {
    if (this.quorums.size === 0 || state.isLearning(nowMs)) return false;
    let isOther = false;
    for (const [pool, quorum] of this.quorums) {
      const { least, hysteresis, isUp } = quorum;
      quorum.isUp = usableOf(state, pool) >= (isUp ? least - hysteresis : least + hysteresis);
      isOther ||= quorum.isUp !== isUp;
    }
    return isOther;
  }

  views(state: SwitchState): QuorumView[] {
    return [...this.quorums].map(([pool, { isUp, least }]) => {
      return { pool, isUp, usable: usableOf(state, pool), quorum: least };
    });
  }
}

/** How many of its servers can be used, full or not. */
function usableOf({ dispatcher, servers }: SwitchState, pool: string): number {
  let count = 0;
  for (const index of dispatcher.members(pool)) {
    const server = servers[index]!;
    if (isOpen(server, pool) && server.up && server.known) count += 1;
  }
  return count;
}
