import * as L from '../../assembly/layout.ts';
import type { Connections } from '../connections.ts';

/** One of `GET /peers`: a switch that gives connections to the agent of this host. */
export interface PeerView {
  name: string;
  /** the switches that give each other's connections bear the same */
  group: string;
  /** its control channel */
  up: boolean;
  /** connections that it gave and that are not over */
  active: number;
  /** connections that are over and linger */
  inactive: number;
}

/** `peers`: by the index that stands in records (RECORD_SERVER), those whose channel is down, too. */
export function peerViews(
  peers: readonly Pick<PeerView, 'name' | 'group' | 'up'>[],
  connections: Connections,
): PeerView[] {
  const views = peers.map((peer) => ({ ...peer, active: 0, inactive: 0 }));
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    const state = connections.state(entry);
    if (state === L.STATE_FREE || state === L.STATE_RESERVED) continue;
    const view = views[connections.record16(entry, L.RECORD_SERVER)];
    if (!view) continue;
    if (state === L.STATE_CLOSED) view.inactive += 1;
    else view.active += 1;
  }
  return views;
}
