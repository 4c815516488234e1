// rebalance: long-lived connections shared anew, after servers were added.
import type { Command } from 'commander';
import { tellAdmin } from '../admin/client.ts';
import type { ShareView } from '../admin/services.ts';
import { json, socketOf, type InspectOptions } from './inspect.ts';
import { formatTable } from './table.ts';

interface RebalanceOptions extends InspectOptions {
  dryRun?: boolean;
}

export function formatShares(shares: readonly ShareView[]): string {
  const rows = shares.map(({ server, weight, active, share, moves }) => [
    server,
    String(weight),
    String(active),
    share === null ? '-' : share.toFixed(1),
    String(moves),
  ]);
  return formatTable([['Server', 'Weight', 'ActiveConn', 'Share', 'Moves'], ...rows], [1, 2, 3, 4]);
}

export function addRebalance(program: Command): void {
  program
    .command('rebalance')
    .description('servers with more than their share of connections give some to others')
    .option('--dry-run', 'say what would move, and move nothing')
    .option('--admin <path>', 'admin socket (else BATON_ADMIN, else /run/baton.sock)')
    .option('--json', 'for programs')
    .action(async (options: RebalanceOptions) => {
      const path = `/rebalance?dry=${options.dryRun === true}`;
      const { servers } = await tellAdmin<{ servers: ShareView[] }>(socketOf(options), path);
      process.stdout.write(options.json ? json(servers) : formatShares(servers));
    });
}
