import * as L from '../../../assembly/layout.ts';
import type { Handoff, HandoffId } from '../../channel/messages.ts';
import { advance } from '../../packet/sequence.ts';
import type { Opening } from '../opening.ts';
import type { Server } from '../state.ts';

/** What the server's agent is told of the connection that it gets. */
export function handoffMessage(opening: Opening, id: HandoffId, server: Server): Handoff {
  const { client, tuple, switchIsn, gather, service, handing } = opening;
  return {
    type: 'handoff',
    id,
    tuple,
    serverPort: service.serverPort ?? server.port,
    clientIsn: client.isn,
    switchIsn,
    switchNext: advance(switchIsn, 1),
    mss: client.mss,
    clientScale: client.scale,
    switchScale: client.scale === L.SCALE_NONE ? 0 : service.windowScale,
    sack: client.sack,
    timestamps: client.timestamps,
    sessions: service.sessions,
    ...(server.tellsCookies && service.cookie !== '' && { cookie: service.cookie }),
    timestampRecent: client.timestampRecent,
    timestampSwitch: client.timestampSwitch,
    window: client.window,
    ...(handing?.isReserved && { reserved: true }),
    ...(opening.bySyn && { bySyn: true }),
    ...(handing?.extent && {
      requests: { next: advance(gather.base, handing.extent.next), isHead: handing.headOnly },
    }),
    // not a copy: nothing is gathered any more
    bytes: gather.contents,
  };
}
