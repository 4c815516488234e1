// Checks of servers over the handoff path: connections of the switch's own host that are for one server.
import type { Tuple } from '../../channel/messages.ts';
import type { ProbeEvent } from '../../event.ts';
import type { Server } from '../server.ts';

/** More at a time nobody makes: a check that was not ended is forgotten for a younger one. */
const LIMIT = 4096;

export class Probes {
  /** servers by client; oldest first */
  private readonly servers = new Map<string, Server>();

  note({ client, clientPort, isOver }: ProbeEvent, server: Server | undefined): void {
    const key = keyOf(client, clientPort);
    this.servers.delete(key);
    if (isOver || !server) return;
    this.servers.set(key, server);
    if (this.servers.size <= LIMIT) return;
    const [oldest] = this.servers.keys();
    this.servers.delete(oldest!);
  }

  /** Whom that connection is for; undefined: it is a client's. */
  serverOf({ client, clientPort }: Tuple): Server | undefined {
    return this.servers.size === 0 ? undefined : this.servers.get(keyOf(client, clientPort));
  }
}

function keyOf(client: Uint8Array, port: number): string {
  return `${client.join('.')}:${port}`;
}
