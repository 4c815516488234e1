import * as L from '../../assembly/layout.ts';
import type { Address } from '../channel/messages.ts';
import type { ServiceConfig } from '../config/config.ts';
import type { ProtocolName } from '../config/choices.ts';
import { sameAddress } from '../tuple.ts';
import { HelloRules } from './dispatcher/hello-rules.ts';
import { Rules } from './dispatcher/rules.ts';

/** One VIP and port with the rules of its service. */
export interface Service {
  name: string;
  vip: Address;
  /** where its packets come to: the VIP, unless they come through a switch in front */
  arrival: Address;
  port: number;
  protocol: ProtocolName;
  /** port of the server application; undefined: that of each server */
  serverPort: number | undefined;
  /** protocol http */
  rules: Rules;
  /** no second request with the first one */
  refusesPipelining: boolean;
  /** no request that leaves the connection open */
  refusesKeepAlive: boolean;
  /** rules hold for each request of a connection */
  eachRequest: boolean;
  /** clients come back to the server that has their TLS session */
  sessions: boolean;
  /** clients come back to the server that gave them the cookie of that name; empty: none */
  cookie: string;
  /** protocol tls */
  helloRules: HelloRules;
  /** row in the shared memory's service table */
  row: number;
  /** window scale that SYN-ACKs offer */
  windowScale: number;
  /** bytes that SYN-ACKs offer */
  window: number;
}

/** All (VIP, port) of the configuration, matched with the rows of the service table in `view`. */
export function listServices(configs: readonly ServiceConfig[], view: DataView): Service[] {
  return configs.flatMap((config) => {
    const rules = new Rules(config.rules, config.pool, config.paths);
    const helloRules = new HelloRules(config.rules, config.pool);
    return config.vip.map((vip) => {
      const row = findRow(view, vip, config.port);
      const at = view.getUint32(L.HEADER_SERVICE_BASE, true) + row * L.SERVICE_SIZE;
      const windowScale = view.getUint8(at + L.SERVICE_WINDOW_SCALE);
      const window = view.getUint16(at + L.SERVICE_WINDOW, true);
      const { name, port, protocol, serverPort } = config;
      const only = {
        refusesPipelining: config.pipelining === 'refuse',
        refusesKeepAlive: config.keepAlive === 'refuse',
        eachRequest: config.requests === 'per-request',
      };
      const affinity = config.affinity ?? (protocol === 'tls' ? 'session' : 'none');
      const sessions = affinity === 'session';
      const cookie = typeof affinity === 'object' ? affinity.cookie : '';
      const read = { protocol, rules, sessions, cookie, helloRules, ...only };
      const from = at + L.SERVICE_ADDRESS;
      const arrival = new Uint8Array(view.buffer).slice(from, from + vip.length);
      return { name, vip, arrival, port, ...read, serverPort, row, windowScale, window };
    });
  });
}

function findRow(view: DataView, vip: Address, port: number): number {
  const base = view.getUint32(L.HEADER_SERVICE_BASE, true);
  const count = view.getUint32(L.HEADER_SERVICE_COUNT, true);
  for (let row = 0; row < count; row += 1) {
    const at = base + row * L.SERVICE_SIZE;
    if (view.getUint16(at + L.SERVICE_PORT) !== port) continue;
    if (view.getUint8(at + L.SERVICE_FAMILY) !== (vip.length === 16 ? 6 : 4)) continue;
    const address = new Uint8Array(view.buffer, at + L.SERVICE_VIP, vip.length);
    if (sameAddress(address, vip)) return row;
  }
  throw new Error(`control: no row of the service table has ${vip.join('.')} port ${port}`);
}
