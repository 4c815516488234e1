import type { PeerView } from '../admin/peers.ts';
import type { ServiceView, ShareView, StandingView } from '../admin/services.ts';
import {
  connectionViews,
  tableView,
  workersView,
  type ConnectionView,
  type PartView,
} from '../admin/views.ts';
import type { TlsMaterial } from '../channel/control-channel.ts';
import { monotonicMs } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { ServerMode } from '../event.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Part } from './part.ts';

/** A role of this host that was started. */
export interface RunningRole {
  /** somebody is there to work with */
  isUp: () => boolean;
  /**
   * Takes a configuration that differs in nothing that needs a restart. When it rejects, everything
   * is as before.
   */
  reload: (config: Config, tls: TlsMaterial | undefined) => Promise<void>;
  /**
   * Begins nothing new, and comes back when what is under way has ended, or at `untilMs` (monotonic): then
   * with how many requests or connections had not.
   */
  drain: (untilMs: number) => Promise<number>;
  stop: () => Promise<void>;
}

/** A role with a device and workers. */
export interface RunningPart extends RunningRole {
  view: () => PartView;
  connections: () => ConnectionView[];
  services: () => ServiceView[];
  /** those of a switch */
  servers: () => StandingView[];
  /** A server of a switch gets, or gets no, new connections; `moves`: it gives back those that it has. */
  setMode: (server: string, mode: ServerMode, moves: boolean) => void;
  /** Of a switch: what each server has and should have; with `moves` connections go to others. */
  rebalance: (moves: boolean) => ShareView[];
  peers: () => PeerView[];
  /** its threads; only tests touch them */
  pool: WorkerPool;
}

export function viewOf(part: Part, own: Pick<PartView, 'control' | 'channels'>): PartView {
  return {
    role: part.role,
    engine: part.engine,
    device: part.device,
    ...workersView(part.connections.view),
    table: tableView(part.connections),
    fromControlFull: part.fromControl.refused.reduce((sum, count) => sum + count, 0),
    replacedThreads: part.pool.replaced,
    events: { ...part.driver.events },
    faults: part.driver.faults,
    ...own,
  };
}

export function connectionsOf(part: Part, nameOf: (index: number) => string): ConnectionView[] {
  return connectionViews(part.connections, part.role, monotonicMs(), nameOf);
}
