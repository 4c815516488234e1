// Messages to bodies. Layouts: wire.ts.
import { ByteWriter, hasControlCharacters } from './bytes.ts';
import { familyOf, putId, putTuple } from './encode-parts.ts';
import { putIdle } from './idle-message.ts';
import { isOfGroup, putGroupMessage } from './group-messages.ts';
import type {
  Agreed,
  Binding,
  Busy,
  Close,
  Confirm,
  Failed,
  Handoff,
  Hello,
  Message,
  Release,
  Released,
  Requests,
  Resync,
  ServiceOffer,
  Update,
} from './messages.ts';
import { putDispatching } from './dispatch-messages.ts';
import * as wire from './wire.ts';

const CONFIRM_TYPES = {
  ready: wire.TYPE_READY,
  failed: wire.TYPE_FAILED,
  close: wire.TYPE_CLOSE,
  released: wire.TYPE_RELEASED,
  update: wire.TYPE_UPDATE,
} as const;

/** HANDOFF_FLAG_* of the options that were agreed with a client. */
function optionFlags({ sack, timestamps }: Pick<Agreed, 'sack' | 'timestamps'>): number {
  return (sack ? wire.HANDOFF_FLAG_SACK : 0) | (timestamps ? wire.HANDOFF_FLAG_TIMESTAMPS : 0);
}

function putOffer(writer: ByteWriter, offer: ServiceOffer): void {
  const at = writer.add(wire.OFFER_SIZE);
  writer.bytes[at + wire.OFFER_FAMILY] = familyOf(offer.vip, offer.vip);
  writer.bytes.set(offer.vip, at + wire.OFFER_VIP);
  writer.view.setUint16(at + wire.OFFER_PORT, offer.port);
  writer.view.setUint16(at + wire.OFFER_SERVER_PORT, offer.serverPort);
}

function putBinding(writer: ByteWriter, binding: Binding): void {
  const at = writer.add(wire.BINDING_SIZE);
  writer.bytes[at + wire.BINDING_FAMILY] = familyOf(binding.vip, binding.handoff);
  writer.bytes.set(binding.vip, at + wire.BINDING_VIP);
  writer.bytes.set(binding.handoff, at + wire.BINDING_HANDOFF);
  writer.view.setUint16(at + wire.BINDING_PORT, binding.port);
  writer.view.setUint16(at + wire.BINDING_HANDOFF_PORT, binding.handoffPort);
}

function putHello(writer: ByteWriter, hello: Hello): void {
  const at = writer.add(wire.HELLO_SIZE);
  writer.view.setUint16(at + wire.HELLO_PROTOCOL, hello.version);
  writer.bytes[at + wire.HELLO_ROLES] = hello.roles.length;
  writer.bytes[at + wire.HELLO_CAPABILITIES] = hello.capabilities.length;
  writer.view.setUint32(at + wire.HELLO_RUN, hello.run);
  writer.view.setUint16(at + wire.HELLO_SERVICES, hello.services.length);
  writer.view.setUint16(at + wire.HELLO_BINDINGS, hello.bindings.length);
  writer.string(hello.name);
  writer.string(hello.group);
  for (const role of hello.roles) writer.string(role);
  for (const capability of hello.capabilities) writer.string(capability);
  for (const offer of hello.services) putOffer(writer, offer);
  for (const binding of hello.bindings) putBinding(writer, binding);
}

function putHandoff(writer: ByteWriter, handoff: Handoff): void {
  if (handoff.bytes.length > wire.HANDOFF_BYTES_LIMIT) {
    const limit = wire.HANDOFF_BYTES_LIMIT;
    throw new RangeError(`handoff: ${handoff.bytes.length} request bytes, at most ${limit} fit`);
  }
  const at = writer.add(wire.HANDOFF_SIZE);
  const { view, bytes } = writer;
  putId(writer, at + wire.HANDOFF_ID, handoff.id);
  putTuple(writer, at + wire.HANDOFF_TUPLE, handoff.tuple);
  view.setUint16(at + wire.HANDOFF_SERVER_PORT, handoff.serverPort);
  view.setUint16(at + wire.HANDOFF_MSS, handoff.mss);
  view.setUint32(at + wire.HANDOFF_CLIENT_ISN, handoff.clientIsn);
  view.setUint32(at + wire.HANDOFF_SWITCH_ISN, handoff.switchIsn);
  view.setUint32(at + wire.HANDOFF_SWITCH_NEXT, handoff.switchNext);
  bytes[at + wire.HANDOFF_CLIENT_SCALE] = handoff.clientScale;
  bytes[at + wire.HANDOFF_SWITCH_SCALE] = handoff.switchScale;
  bytes[at + wire.HANDOFF_FLAGS] =
    optionFlags(handoff) |
    (handoff.bySyn ? wire.HANDOFF_FLAG_BY_SYN : 0) |
    (handoff.requests ? wire.HANDOFF_FLAG_REQUESTS : 0) |
    (handoff.requests?.isHead ? wire.HANDOFF_FLAG_HEAD : 0) |
    (handoff.sessions ? wire.HANDOFF_FLAG_SESSIONS : 0) |
    (handoff.cookie ? wire.HANDOFF_FLAG_COOKIE : 0) |
    (handoff.reserved ? wire.HANDOFF_FLAG_RESERVED : 0);
  view.setUint16(at + wire.HANDOFF_WINDOW, handoff.window);
  view.setUint32(at + wire.HANDOFF_TIMESTAMP_RECENT, handoff.timestampRecent);
  view.setUint32(at + wire.HANDOFF_TIMESTAMP_SWITCH, handoff.timestampSwitch);
  view.setUint32(at + wire.HANDOFF_BYTES, handoff.bytes.length);
  writer.append(handoff.bytes);
  if (handoff.cookie) writer.string(handoff.cookie);
  if (!handoff.requests) return;
  const next = writer.add(wire.HANDOFF_NEXT_SIZE);
  writer.view.setUint32(next, handoff.requests.next);
}

/** A reason is for people: cut to what a string holds rather than refused. */
function fittingReason(reason: string): string {
  let text = reason;
  if (hasControlCharacters(text)) {
    text = [...text]
      .map((character) => (hasControlCharacters(character) ? ' ' : character))
      .join('');
  }
  while (new TextEncoder().encode(text).length > wire.STRING_LIMIT) {
    text = [...text].slice(0, Math.min(wire.STRING_LIMIT, [...text].length - 1)).join('');
  }
  return text;
}

function putFailed(writer: ByteWriter, failed: Failed): void {
  const at = writer.add(wire.FAILED_SIZE);
  putId(writer, at + wire.FAILED_ID, failed.id);
  const no = failed.delivered === 'no';
  writer.bytes[at + wire.FAILED_DELIVERED] = no ? wire.DELIVERED_NO : wire.DELIVERED_MAYBE;
  writer.string(fittingReason(failed.reason));
}

function putConfirm(writer: ByteWriter, confirm: Confirm): void {
  const at = writer.add(wire.CONFIRM_SIZE);
  writer.view.setUint16(at + wire.CONFIRM_COUNT, confirm.ids.length);
  writer.bytes[at + wire.CONFIRM_OF] = confirm.of === undefined ? 0 : CONFIRM_TYPES[confirm.of];
  for (const id of confirm.ids) putId(writer, writer.add(wire.ID_SIZE), id);
}

function putClose(writer: ByteWriter, { id, tuple, clientIsn }: Close): void {
  const at = writer.add(wire.CLOSE_SIZE);
  putId(writer, at + wire.CLOSE_ID, id);
  putTuple(writer, at + wire.CLOSE_TUPLE, tuple);
  if (clientIsn === undefined) return;
  writer.view.setUint32(writer.add(wire.CLOSE_CLIENT_ISN_SIZE), clientIsn);
}

function putUpdate(writer: ByteWriter, update: Update): void {
  const at = writer.add(wire.UPDATE_SIZE);
  putId(writer, at + wire.UPDATE_ID, update.id);
  putTuple(writer, at + wire.UPDATE_TUPLE, update.tuple);
  familyOf(update.tuple.vip, update.handoff);
  writer.bytes.set(update.handoff, at + wire.UPDATE_HANDOFF);
  writer.view.setUint32(at + wire.UPDATE_CLIENT_ISN, update.clientIsn);
  writer.view.setUint16(at + wire.UPDATE_HANDOFF_PORT, update.handoffPort);
  writer.string(update.server);
}

function putResync(writer: ByteWriter, resync: Resync): void {
  const at = writer.add(wire.RESYNC_SIZE);
  writer.view.setUint16(at + wire.RESYNC_COUNT, resync.entries.length);
  writer.bytes[at + wire.RESYNC_LAST] = resync.last ? 1 : 0;
  for (const entry of resync.entries) {
    const place = writer.add(wire.RESYNC_ENTRY_SIZE);
    putId(writer, place + wire.RESYNC_ENTRY_ID, entry.id);
    putTuple(writer, place + wire.RESYNC_ENTRY_TUPLE, entry.tuple);
    writer.view.setUint32(place + wire.RESYNC_ENTRY_CLIENT_ISN, entry.clientIsn);
  }
}

function putRelease(writer: ByteWriter, release: Release): void {
  const at = writer.add(wire.RELEASE_SIZE);
  const { view, bytes } = writer;
  putId(writer, at + wire.RELEASE_ID, release.id);
  putTuple(writer, at + wire.RELEASE_TUPLE, release.tuple);
  view.setUint32(at + wire.RELEASE_SEQUENCE, release.sequence);
  view.setUint32(at + wire.RELEASE_ACKNOWLEDGMENT, release.acknowledgment);
  view.setUint32(at + wire.RELEASE_REQUESTS, release.requests);
  bytes[at + wire.RELEASE_WAITS] = release.waits ? 1 : 0;
}

function putReleased(writer: ByteWriter, released: Released): void {
  const at = writer.add(wire.RELEASED_SIZE);
  putId(writer, at + wire.RELEASED_ID, released.id);
  putTuple(writer, at + wire.RELEASED_TUPLE, released.tuple);
  writer.view.setUint32(at + wire.RELEASED_NEXT, released.next);
  writer.view.setUint32(at + wire.RELEASED_TIMESTAMP, released.timestamp);
}

function putBusy(writer: ByteWriter, busy: Busy): void {
  const at = writer.add(wire.BUSY_SIZE);
  putId(writer, at + wire.BUSY_ID, busy.id);
  writer.bytes[at + wire.BUSY_REASON] = wire.BUSY_REASONS.indexOf(busy.reason);
}

function putRequests(writer: ByteWriter, requests: Requests): void {
  const at = writer.add(wire.REQUESTS_SIZE);
  putId(writer, at + wire.REQUESTS_ID, requests.id);
  putTuple(writer, at + wire.REQUESTS_TUPLE, requests.tuple);
  writer.view.setUint32(at + wire.REQUESTS_COUNT, requests.count);
  writer.view.setUint32(at + wire.REQUESTS_NEXT, requests.next);
  const { agreed } = requests;
  if (!agreed) return;
  writer.view.setUint16(at + wire.REQUESTS_MSS, agreed.mss);
  writer.bytes[at + wire.REQUESTS_CLIENT_SCALE] = agreed.clientScale;
  writer.bytes[at + wire.REQUESTS_SWITCH_SCALE] = agreed.switchScale;
  writer.bytes[at + wire.REQUESTS_FLAGS] = optionFlags(agreed);
}

/** Appends the message's body: the type of its frame. Throws RangeError for what does not fit. */
export function putBody(writer: ByteWriter, message: Message): number {
  switch (message.type) {
    case 'hello':
      putHello(writer, message);
      return wire.TYPE_HELLO;
    case 'handoff':
      putHandoff(writer, message);
      return wire.TYPE_HANDOFF;
    case 'ready':
      putId(writer, writer.add(wire.ID_SIZE), message.id);
      return wire.TYPE_READY;
    case 'failed':
      putFailed(writer, message);
      return wire.TYPE_FAILED;
    case 'close':
      putClose(writer, message);
      return wire.TYPE_CLOSE;
    case 'confirm':
      putConfirm(writer, message);
      return wire.TYPE_CONFIRM;
    case 'update':
      putUpdate(writer, message);
      return wire.TYPE_UPDATE;
    case 'resync':
      putResync(writer, message);
      return wire.TYPE_RESYNC;
    case 'load': {
      const at = writer.add(wire.LOAD_SIZE);
      writer.view.setUint32(at + wire.LOAD_OPEN, message.openConnections);
      return wire.TYPE_LOAD;
    }
    case 'session': {
      const at = writer.add(wire.SESSION_SIZE);
      putId(writer, at + wire.SESSION_ID, message.id);
      writer.view.setUint32(at + wire.SESSION_KEY, message.key);
      return wire.TYPE_SESSION;
    }
    case 'release':
      putRelease(writer, message);
      return wire.TYPE_RELEASE;
    case 'released':
      putReleased(writer, message);
      return wire.TYPE_RELEASED;
    case 'busy':
      putBusy(writer, message);
      return wire.TYPE_BUSY;
    case 'requests':
      putRequests(writer, message);
      return wire.TYPE_REQUESTS;
    case 'idle':
      return putIdle(writer, message);
    case 'ping':
      return wire.TYPE_PING;
    default:
      return isOfGroup(message)
        ? putGroupMessage(writer, message)
        : putDispatching(writer, message);
  }
}
