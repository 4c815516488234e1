// Long-lived connections stay where they were begun: servers that come later get none of them. On demand
// those that have more than their share give some back, between two requests.
import * as L from '../../../assembly/layout.ts';
import { isDraining } from '../server.ts';
import type { Server, SwitchState } from '../state.ts';

/** Connections that are busy for so long stay. */
const PATIENCE_MS = 10_000;

/** What a server has, and what it would have if connections were shared by weight. */
export interface Share {
  server: string;
  weight: number;
  active: number;
  /** of the connections of all servers with which it shares pools; null: it is not open to new ones */
  share: number | null;
  /** connections that it gives back, as soon as they are between two requests */
  moves: number;
}

/** All servers of the configuration. */
export function shares(state: SwitchState): Share[] {
  const { active } = state.dispatcher.loads;
  const open = state.servers.filter(isOpenAnywhere);
  const movable = countMovable(state);
  const groups = groupByPools(state, open);
  return state.servers
    .filter(({ isConfigured }) => isConfigured)
    .map((server) => {
      const { index, name, weight } = server;
      const group = groups.find((members) => members.includes(server));
      const sum = (count: (each: Server) => number): number =>
        group!.reduce((total, each) => total + count(each), 0);
      const has = active[index] ?? 0;
      const weights = group ? sum((each) => each.weight) : 0;
      const share =
        weights > 0 ? (sum((each) => active[each.index] ?? 0) * weight) / weights : null;
      const excess = share === null ? 0 : Math.max(0, has - Math.ceil(share));
      const moves = server.givesBack ? Math.min(excess, movable[index] ?? 0) : 0;
      return { server: name, weight, active: has, share, moves };
    });
}

/** Servers with more than their share give the rest back: Departures asks them. */
export function rebalance(state: SwitchState, nowMs: number): void {
  for (const { server, moves } of shares(state)) {
    const surplus = { count: moves, untilMs: nowMs + PATIENCE_MS };
    state.serverNamed(server)!.surplus = moves > 0 ? surplus : null;
  }
}

function isOpenAnywhere(server: Server): boolean {
  const { up, isConfigured, heldOffUntilMs, unhealthyIn } = server;
  const isWell = heldOffUntilMs === Infinity && unhealthyIn.size === 0;
  return up && isConfigured && isWell && !isDraining(server);
}

/** By server: connections whose service lets them move. */
function countMovable({ connections, servers }: SwitchState): number[] {
  const counts = servers.map(() => 0);
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    if (connections.state(entry) !== L.STATE_REQUESTS) continue;
    const server = connections.record16(entry, L.RECORD_SERVER);
    counts[server] = (counts[server] ?? 0) + 1;
  }
  return counts;
}

/** Servers that can have each other's connections: in a pool together, or with one that both are with. */
function groupByPools({ config }: SwitchState, open: readonly Server[]): Server[][] {
  let groups = open.map((server) => [server]);
  for (const pool of config.pools) {
    const isOf = (group: Server[]) => group.some(({ name }) => pool.servers.includes(name));
    const joined = groups.filter(isOf).flat();
    groups = [...groups.filter((group) => !isOf(group)), joined];
  }
  return groups;
}
