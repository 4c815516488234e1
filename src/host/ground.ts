import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ChannelEvents, PeerState, TlsMaterial } from '../channel/control-channel.ts';
import { monotonicMs } from '../clock.ts';
import { FrontPort } from './front-port.ts';
import { LocalChannels } from './local-channels.ts';
import type { Config } from '../config/config.ts';
import { splicedServers } from '../config/splicing.ts';
import type { PlaneEvent } from '../event.ts';
import type { Engine } from '../packet-io/engine.ts';

/** What the parts of one host have in common. */
export interface Ground {
  config: Config;
  engine: Engine;
  /** compiled core */
  module: WebAssembly.Module;
  /** 32 bits of this start of the program: first half of its handoff ids */
  run: number;
  tls: TlsMaterial | undefined;
  /** to the agent of this host, if the switch has it among its servers */
  local: LocalChannels | undefined;
  /** to the part of this host that splices, if there is one */
  splices: LocalChannels | undefined;
  /** to switches in front, if this host's distributor is behind some; the agent listens for it */
  frontPort: FrontPort | undefined;
  /** what an operator should know */
  notice: (text: string) => void;
  /** workers obey debug commands (tests only) */
  debug: boolean;
}

export function randomRun(): number {
  return randomBytes(4).readUInt32LE();
}

/** Seeds of the table's hash: secret, so that nobody can choose addresses that meet in one bucket. */
export function randomSeeds(): [bigint, bigint] {
  const bytes = randomBytes(16);
  return [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)];
}

/** Reads the files that `tls` names; undefined when the configuration says `insecure`. */
export function readTls(config: Config): TlsMaterial | undefined {
  const { tls, insecure } = config;
  if (!tls || insecure) return undefined;
  const read = (what: keyof TlsMaterial): string => {
    try {
      return readFileSync(tls[what], 'utf8');
    } catch (error) {
      const why = (error as Error).message;
      throw new Error(`${config.file}: tls.${what}: ${why} (make keys with: baton keygen)`, {
        cause: error,
      });
    }
  };
  return { ca: read('ca'), cert: read('cert'), key: read('key') };
}

/** A host that is among its own servers needs no network for what its two parts tell each other. */
export function localChannels({ name, roles, servers }: Config): LocalChannels | undefined {
  const isOwnServer = roles.includes('agent') && servers.some((server) => server.name === name);
  return isOwnServer ? new LocalChannels([name], monotonicMs) : undefined;
}

export function spliceChannels(config: Config): LocalChannels | undefined {
  if (!config.switch?.splice) return undefined;
  return new LocalChannels(splicedServers(config).keys(), monotonicMs);
}

/** A distributor that others send connections to. */
export function frontPort({ roles, switch: section }: Config): FrontPort | undefined {
  return section?.addresses && roles.includes('agent') ? new FrontPort() : undefined;
}

/** A channel's events as a plane's. */
export function channelEvents(
  receive: (event: PlaneEvent) => void,
  notice: (text: string) => void,
): ChannelEvents {
  return {
    up: (peer, hello) => receive({ kind: 'channel-up', peer, hello }),
    down: (peer, heardMs) => receive({ kind: 'channel-down', peer, heardMs }),
    message: (from, message) => receive({ kind: 'message', from, message }),
    notice,
  };
}

/** A part's channels as the admin API shows them, by the peers' names. */
export function channelsByPeer(peers: PeerState[]): Record<string, Omit<PeerState, 'name'>> {
  return Object.fromEntries(peers.map(({ name, ...state }) => [name, state]));
}
