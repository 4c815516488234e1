import type { AdminActions } from '../admin/server.ts';
import { checkName } from '../config/members.ts';
import type { ServerMode } from '../event.ts';
import type { Reloaded, Reloader } from './reloader.ts';
import type { RunningPart } from './running-part.ts';

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text === null ? undefined : Number(text);
}

/** What an operator may do with the servers of a running switch: `POST /servers/drain?name=NAME` ... */
export function serverActions(
  parts: RunningPart[],
  reloader: Reloader,
  notice: (text: string) => void,
): AdminActions {
  const setMode = async (query: URLSearchParams, mode: ServerMode): Promise<Reloaded> => {
    const name = query.get('name') ?? '';
    try {
      checkName(
        parts.flatMap((part) => part.servers()),
        name,
      );
    } catch (error) {
      return { ok: false, lines: [(error as Error).message] };
    }
    const moves = query.get('move') === 'true';
    for (const part of parts) part.setMode(name, mode, moves);
    notice(`servers: ${name} is ${mode}`);
    return { ok: true, lines: [`${name}: ${mode}`] };
  };
  return {
    '/servers/ready': (query) => setMode(query, 'ready'),
    '/servers/drain': (query) => setMode(query, 'drain'),
    '/servers/maint': (query) => setMode(query, 'maint'),
    '/servers/add': (query) =>
      reloader.add({
        name: query.get('name') ?? '',
        agent: query.get('agent') ?? '',
        port: numberOf(query, 'port'),
        weight: numberOf(query, 'weight'),
        pools: query.getAll('pool'),
      }),
    '/rebalance': async (query) => {
      const isDry = query.get('dry') === 'true';
      const servers = parts.flatMap((part) => part.rebalance(!isDry));
      const count = servers.reduce((sum, { moves }) => sum + moves, 0);
      if (!isDry && count > 0) notice(`rebalance: ${count} connections are to move`);
      return { ok: true, servers };
    },
    '/servers/remove': (query) => reloader.remove(query.get('name') ?? ''),
  };
}
