import { SERVER_PORT } from '../../src/lab/topology.ts';
import type { TestLab } from './lab.ts';

const CLIENTS = '10.80.1.0/24';

/**
 * The lab's router keeps clients and servers apart: that rule goes for the first server, all others are
 * asked as before. Returns where the client reaches its web server directly, by the same hops.
 */
export async function openDirectPath(lab: TestLab): Promise<string> {
  const { address } = lab.topology.servers[0]!;
  const network = address.replace(/\d+$/, '0/24');
  const commands = [
    `ip rule del iif client to ${network} blackhole pref 100`,
    `ip rule del from ${network} to ${CLIENTS} blackhole pref 101`,
  ];
  const { status, stderr } = await lab.run('router', ['sh', '-ec', commands.join('\n')]);
  if (status !== 0) throw new Error(`direct path: ${stderr}`);
  return `${address}:${SERVER_PORT}`;
}
