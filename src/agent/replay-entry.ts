import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { Handoff } from '../channel/messages.ts';
import type { Template } from '../template.ts';
import type { AgentBinding } from './bindings.ts';
import type { Giver } from './takeover.ts';

/** A connection is of TLS or of HTTP. */
function watchFlags({ sessions, cookie }: Handoff): number {
  if (sessions) return L.FLAG_WATCHED;
  return cookie ? L.FLAG_WATCHED | L.FLAG_HEADS : 0;
}

/** The entry of a connection that is about to be replayed. */
export function fillTemplate(
  template: Template,
  handoff: Handoff,
  giver: Giver,
  binding: AgentBinding,
): Template {
  const { tuple, bytes } = handoff;
  const scales = handoff.clientScale !== L.SCALE_NONE;
  const options =
    (handoff.sack ? L.OPTION_SACK : 0) |
    (handoff.timestamps ? L.OPTION_TIMESTAMPS : 0) |
    (handoff.bySyn ? L.OPTION_BY_SYN : 0);
  return template
    .state(L.STATE_REPLAYING)
    .flags(
      (handoff.timestamps ? L.FLAG_TIMESTAMPS : 0) |
        (handoff.requests ? L.FLAG_REQUESTS : 0) |
        watchFlags(handoff),
    )
    .server(binding.service, handoff.serverPort)
    .vip(tuple.vip, tuple.vipPort)
    .entry8(L.ENTRY_SWITCH_SCALE, scales ? handoff.switchScale : 0)
    .entry8(L.ENTRY_LEASE, giver.lease)
    .id(handoff.id)
    .record32(L.RECORD_CLIENT_ISN, handoff.clientIsn)
    .record32(L.RECORD_SWITCH_ISN, handoff.switchIsn)
    .record16(L.RECORD_SERVICE, binding.index)
    .record16(L.RECORD_SERVER, giver.index)
    .record16(L.RECORD_CLIENT_MSS, handoff.mss)
    .record8(L.RECORD_CLIENT_SCALE, handoff.clientScale)
    .record8(L.RECORD_OPTIONS, options)
    .record32(L.RECORD_CLIENT_NEXT, (handoff.clientIsn + 1 + bytes.length) >>> 0)
    .record32(L.RECORD_CLIENT_ACK, handoff.switchNext)
    .record32(L.RECORD_TIMESTAMP_RECENT, handoff.timestampRecent)
    .record32(L.RECORD_TIMESTAMP_SWITCH, handoff.timestampSwitch)
    .record16(L.RECORD_CLIENT_WINDOW, handoff.window)
    .record32(L.RECORD_GROUP, giver.group)
    .record32(L.RECORD_REQUESTS, handoff.requests ? 1 : 0)
    .record32(L.RECORD_REQUEST_NEXT, handoff.requests?.next ?? 0)
    .record32(L.RECORD_RESPONSE_MODE, handoff.requests?.isHead ? C.RESPONSE_TO_HEAD : 0);
}
