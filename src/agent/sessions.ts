import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import type { Handoff, HandoffId } from '../channel/messages.ts';
import type { PacketEvent } from '../event.ts';
import { readPacket } from '../packet/read.ts';
import { advance } from '../packet/sequence.ts';
import { idKey } from '../tuple.ts';
import type { AgentBinding } from './bindings.ts';
import { CookieWatch } from './cookie-watch.ts';
import type { Entries } from './entries.ts';
import type { Outbox } from './outbox.ts';
import { isFromKernel } from './replays.ts';
import { ServerFlight } from './server-flight.ts';
import type { Giver } from './takeover.ts';

/** Handshakes that are listened to at a time. */
const LIMIT = 4096;

/** Learns which TLS sessions and cookies the server gives, and tells who gave it their connections. */
export class Sessions {
  readonly #entries: Entries;
  readonly #outbox: Outbox;
  readonly #giverAt: (index: number) => Giver | undefined;
  readonly #cookies: CookieWatch;
  readonly #flights = new Map<string, ServerFlight>();

  constructor(parts: {
    entries: Entries;
    outbox: Outbox;
    giverAt: (index: number) => Giver | undefined;
  }) {
    this.#entries = parts.entries;
    this.#outbox = parts.outbox;
    this.#giverAt = parts.giverAt;
    this.#cookies = new CookieWatch(parts.entries.connections);
  }

  /** A handoff for that binding begins. */
  expect({ cookie }: Handoff, { index }: AgentBinding): void {
    if (cookie) this.#cookies.expect(index, cookie);
  }

  /** A copy of a packet that the server sends. */
  packet({ entry, packet }: PacketEvent, id: HandoffId): void {
    const { connections } = this.#entries;
    const flags = connections.flags(entry);
    if ((flags & L.FLAG_WATCHED) === 0) return;
    if ((flags & L.FLAG_HEADS) !== 0) {
      for (const cookie of this.#cookies.take(entry, packet)) this.#tell(entry, id, cookie);
      if (this.#cookies.isOver(entry)) this.#leave(entry, id);
      return;
    }
    const segment = readPacket(packet);
    if (!segment || !isFromKernel(segment, this.#entries.ends(entry))) return;
    const flight = this.#flightOf(entry, id);
    for (const session of flight.take(segment.sequence, segment.payload)) {
      this.#tell(entry, id, session);
    }
    if (!flight.isOver) return;
    this.#flights.delete(idKey(id));
    this.#leave(entry, id);
  }

  #leave(entry: number, id: HandoffId): void {
    this.#entries.update(entry, id, C.UPDATE_FLAGS_CLEAR, (template) =>
      template.entry32(L.ENTRY_FLAGS, L.FLAG_WATCHED | L.FLAG_HEADS),
    );
  }

  /** The oldest are those of clients that went away in mid-handshake. */
  #flightOf(entry: number, id: HandoffId): ServerFlight {
    const known = this.#flights.get(idKey(id));
    if (known) return known;
    const isn = this.#entries.connections.record32(entry, L.RECORD_SERVER_ISN);
    const flight = new ServerFlight(advance(isn, 1));
    this.#flights.set(idKey(id), flight);
    const [oldest] = this.#flights.keys();
    if (this.#flights.size > LIMIT && oldest !== undefined) this.#flights.delete(oldest);
    return flight;
  }

  #tell(entry: number, id: HandoffId, session: Uint8Array): void {
    const { connections } = this.#entries;
    const giver = this.#giverAt(connections.record16(entry, L.RECORD_SERVER));
    if (!giver) return;
    const key = this.#entries.hash(session);
    this.#outbox.message(giver.peer, { type: 'session', id, key });
  }
}
