import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import * as E from '../../../assembly/parse/hello-errors.ts';
import { ClientHello } from '../dispatcher/client-hello.ts';
import { NO_REQUEST } from '../opening.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import * as A from './alert.ts';
import { beginHanding } from './handoff.ts';
import { refuseHello, reset } from './refuse.ts';

/** RFC 8446 section 6.2 */
const ALERTS: Record<number, number> = {
  [E.HELLO_ERROR_TOO_LONG]: A.ALERT_RECORD_OVERFLOW,
  [E.HELLO_ERROR_RECORD]: A.ALERT_UNEXPECTED_MESSAGE,
  [E.HELLO_ERROR_MESSAGE]: A.ALERT_UNEXPECTED_MESSAGE,
  [E.HELLO_ERROR_FORMAT]: A.ALERT_DECODE_ERROR,
  [E.HELLO_ERROR_TWICE]: A.ALERT_ILLEGAL_PARAMETER,
  [E.HELLO_ERROR_NAME]: A.ALERT_UNRECOGNIZED_NAME,
};

/**
 * Looks at the first bytes of a client of a service of protocol tls; true when its ClientHello was
 * complete or refused.
 */
export function takeHello(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const bytes = opening.gather.contents;
  if (bytes.length < opening.wanted) return false;
  state.connections.writeBuffer(bytes);
  const result = state.core.parseHello(L.CONTROL_BUFFER, bytes.length, L.CONTROL_HEAD);
  const { view } = state.connections;
  if (result === 0) {
    opening.wanted = view.getUint32(L.CONTROL_HEAD + C.HELLO_LENGTH, true);
    return false;
  }
  if (result > 0) {
    const joined = state.connections.bytes.subarray(L.CONTROL_BUFFER);
    dispatch(state, opening, new ClientHello(joined, view, L.CONTROL_HEAD), nowMs);
  } else if (-result === E.HELLO_ERROR_NOT_TLS) {
    // whoever speaks no TLS does not understand an alert either
    reset(state, opening, 'not tls', nowMs);
  } else {
    refuseHello(state, opening, ALERTS[-result] ?? A.ALERT_DECODE_ERROR, nowMs);
  }
  return true;
}

function dispatch(state: SwitchState, opening: Opening, hello: ClientHello, nowMs: number): void {
  const { service, tuple } = opening;
  const pool = service.helloRules.poolFor(hello);
  const { nameHash, ticketHash, sessionHash, offersTls13 } = hello;
  const blind = state.dispatcher.isBlind(pool);
  const keys: number[] = [];
  let remember: number | null = null;
  let target = nameHash;
  if (service.sessions) {
    for (const hash of [ticketHash, sessionHash]) if (hash !== null) keys.push(hash);
    target = clientKey(state, nameHash, tuple.client);
    if (offersTls13 && blind) keys.push((remember = target));
  }
  if (blind) target = 0;
  const choice = { ...NO_REQUEST, pool, target, targetHash: nameHash, keys, remember };
  beginHanding(state, opening, choice, nowMs);
}

/** Of an IPv6 client its network: the rest of its address changes by the day (RFC 8981). */
const NETWORK6_BYTES = 8;

/** What stands for a client of TLS 1.3, whose tickets nobody can read: name and client address. */
function clientKey(state: SwitchState, nameHash: number, client: Uint8Array): number {
  const address = client.subarray(0, client.length === 16 ? NETWORK6_BYTES : client.length);
  const bytes = new Uint8Array(4 + address.length);
  new DataView(bytes.buffer).setUint32(0, nameHash);
  bytes.set(address, 4);
  return state.hash(bytes);
}
