// What of a switch's configuration is for the part of its host that splices.
import { halves, type Prefix } from './address.ts';

/** How a switch reaches servers without an agent: by a part of its own host. */
export interface SplicingConfig {
  device: string;
  /** routed to this host, at most one per family: half of each stands for clients, half for VIPs */
  source: Prefix[];
  connections: number;
}

/** What splices connections for its host's switch. */
export interface SpliceConfig {
  /** by the name under which the switch knows each */
  servers: ReadonlyMap<string, SplicedServer>;
  /** as `handoff`; an address of it and a port stand for each client */
  addresses: Prefix[];
}

/** A server without an agent. */
export interface SplicedServer {
  /** at most one per family */
  addresses: Uint8Array[];
  /** it expects a PROXY protocol header */
  proxy: boolean;
}

interface WithServers {
  servers: readonly { name: string; splice?: SplicedServer | undefined }[];
}

export function splicedServers({ servers }: WithServers): Map<string, SplicedServer> {
  const spliced = servers.flatMap(({ name, splice }): [string, SplicedServer][] => {
    return splice ? [[name, splice]] : [];
  });
  return new Map(spliced);
}

/** A section as an agent has it. Handoff addresses are known on this host alone. */
export function splicingPart(own: SplicingConfig, config: WithServers) {
  const split = own.source.map(halves);
  return {
    device: own.device,
    connections: own.connections,
    service: [],
    handoff: split.map(([, second]) => second),
    splice: { servers: splicedServers(config), addresses: split.map(([first]) => first) },
  };
}
