import type { Config } from '../../config/config.ts';
import { sameAddress } from '../../tuple.ts';
import { listServices } from '../service.ts';
import type { Service } from '../service.ts';
import { freshStanding, makeServer } from '../server.ts';
import type { SwitchState } from '../state.ts';

/**
 * Takes a new configuration while connections are open. Every server keeps its index, which stands in
 * records; one that is gone stays for the connections that it has. Openings keep their services: the
 * rules of a service are replaced under them, and one that is gone ends with its connections.
 */
export function configure(state: SwitchState, config: Config): void {
  state.config = config;
  takeServers(state, config);
  takeServices(state, config);
  state.queues.configure(config);
  state.quorums.configure(config);
  // everybody who is up says anew where it wants the services' packets
  for (const server of state.servers) state.send(server, state.hello(server));
  state.fronts.tellArrivals(state);
}

function takeServers(state: SwitchState, config: Config): void {
  const gone = new Set(state.servers.filter((server) => !server.isConfigured));
  for (const server of state.servers) server.isConfigured = false;
  for (const wanted of config.servers) {
    let server = state.serverNamed(wanted.name);
    if (!server) {
      server = makeServer(state.servers.length, wanted);
      state.servers.push(server);
    }
    if (gone.has(server)) Object.assign(server, freshStanding());
    server.isConfigured = true;
    server.port = wanted.port;
    server.weight = wanted.weight;
    server.slowStartMs = wanted.slowStartMs ?? 0;
    server.maxConnections = wanted.maxConnections;
  }
  state.dispatcher.configure(state.servers, config.pools);
  state.remote?.renamed();
}

function takeServices(state: SwitchState, config: Config): void {
  const wanted = listServices(config.services, state.connections.view);
  for (const service of wanted) {
    const known = state.services.find((other) => isSamePlace(other, service));
    if (known) Object.assign(known, service);
    else state.services.push(service);
  }
}

function isSamePlace(first: Service, second: Service): boolean {
  return first.port === second.port && sameAddress(first.vip, second.vip);
}
