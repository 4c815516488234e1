import type { HandoffId, Tuple } from '../channel/messages.ts';
import type { Waiting } from './deadlines.ts';
import type { JsonField } from './dispatcher/json-field.ts';
import type { Body, Extent } from './distributor/extent.ts';
import type { Gather } from './distributor/gather.ts';
import type { Service } from './service.ts';

/**
 * gathering: the request head is not complete. handing: a server was asked to take it.
 * following: a server has it, and its next request has begun to come (services that dispatch each one).
 * refused: our response and FIN were sent. reset: every segment is answered with RST.
 * over: forgotten, only still in a queue.
 */
export type Phase = 'gathering' | 'handing' | 'following' | 'refused' | 'reset' | 'over';

/**
 * A connection from its first data until a server has it (or it was refused): the only time at
 * which it is an object. Sequence numbers are the client's and the switch's own.
 */
export interface Opening extends Waiting {
  phase: Phase;
  entry: number;
  /** handoff id that the entry has now; 0/0 before the first handoff */
  id: HandoffId;
  tuple: Tuple;
  service: Service;
  /** worker that transmits our answers */
  worker: number;
  /** the server is to answer the client's SYN itself */
  bySyn: boolean;
  openedMs: number;
  /** when the phase ends */
  deadlineMs: number;
  /** when the bytes gathered so far are acknowledged if the head is still incomplete */
  ackDueMs: number;
  /** ISN of the client's SYN; client.isn is the number before what is gathered */
  entryIsn: number;
  client: ClientSide;
  switchIsn: number;
  /** what we have acknowledged */
  acked: number;
  gather: Gather;
  /** bytes of the gathered head that the parser has seen */
  parsed: number;
  /** protocol tls: bytes in order with which the parser looks again */
  wanted: number;
  /** sequence number after the client's FIN */
  fin: number | null;
  /** a dispatcher is asked; an answer to any other question is not for this connection */
  question: Question | null;
  /** no server has it, and nothing of its next request has come */
  isParked: boolean;
  /** index of the server that gave it back because it has too many; null: any server may have it */
  leaves: number | null;
  /** of the request whose pool keys on a field of its body; null: none does */
  field: BodyField | null;
  handing: Handing | null;
  following: Following | null;
  farewell: Farewell | null;
}

export interface ClientSide {
  isn: number;
  mss: number;
  /** window scale, SCALE_NONE = not offered */
  scale: number;
  sack: boolean;
  timestamps: boolean;
  /** raw field of the newest segment */
  window: number;
  /** newest TSval */
  timestampRecent: number;
  /** TSecr of the newest segment = newest TSval of ours */
  timestampSwitch: number;
}

export interface HeldPacket {
  packet: Uint8Array;
  vnet: Uint8Array;
  /** counted by the core in RECORD_HELD_COUNT: queued in HELD or later */
  counted: boolean;
}

/** A field of a request's body that a policy keys on. */
export interface BodyField {
  finder: JsonField;
  /** what the parser found in the head */
  head: DataView;
  /** so long it is waited for */
  untilMs: number;
}

/** What the dispatcher needs for a request. */
export interface Choice {
  /** what a server may be remembered by, the surest first */
  keys: number[];
  /** by this one the chosen server is remembered from now on; null: its policy does, or nobody */
  remember: number | null;
  pool: string;
  /** what the pool's policy keys on */
  target: number;
  targetHash: number;
  headOnly: boolean;
  /** of a service that dispatches each request; null: all that comes is for the same server */
  extent: Extent | null;
  isUpgrade: boolean;
}

/** What a dispatcher on another host was asked, for a new connection or for a next request. */
export interface Question {
  opening: Opening;
  pool: string;
  target: number;
  /** 1 for each server, by index, that may be chosen */
  usable: Uint8Array;
  /** index of the server that has the connection; NO_SERVER: it is a new one */
  present: number;
  /** the next request, and the deadline that its connection had before */
  next: { choice: Choice; deadlineMs: number } | null;
}

/** Of a connection whose bytes are no requests to us. */
export const NO_REQUEST = { headOnly: false, extent: null, isUpgrade: false } as const;

/**
 * A request behind the first one, for which the connection may have to move. Neither choice nor status:
 * there is none yet, the connection is to leave its server.
 */
export interface NextRequest {
  /** absent: no server gets it, it is answered with `status` and the connection ends */
  choice?: Choice;
  status?: number;
  /** the server that has the connection must not get it */
  mustMove: boolean;
}

export interface Following {
  /** packets with bytes of which it is not known who gets them, as they came */
  held: HeldPacket[];
  heldBytes: number;
  /** rest of the request under way */
  body: Body | null;
  /** the last request asked for another protocol: whether it was agreed only the agent has seen */
  isUpgrading: boolean;
  /** for which the server's agent was asked to give the connection back */
  asked: NextRequest | null;
  /** how often it was asked and has not answered */
  unanswered: number;
  /** the client's newest */
  acknowledgment: number;
}

export interface Handing extends Choice {
  /** index of the server that was asked; NO_SERVER: none can be, it waits */
  server: number;
  /** indexes of the servers asked so far, this one included */
  tried: number[];
  held: HeldPacket[];
  heldBytes: number;
  /** next sequence number of the client behind what was handed over or held in order */
  clientNext: number;
  /** bySyn: the client has acknowledged the server's SYN-ACK already */
  proven: boolean;
  /** when even an agent whose channel lives is given up */
  patienceMs: number;
  /** the asked agent's channel broke: what became of the handoff is known when it is back */
  isLost: boolean;
  /** the agents have reserved it for this switch of its group */
  isReserved: boolean;
  /** how often they were asked */
  questions: number;
  /** so long it waits for a server if there is none */
  waitsUntilMs: number;
  /** its place among those that wait in queues */
  ticket: number;
  /** it has waited in one */
  hasQueued: boolean;
}

export interface Farewell {
  /** bytes sent with our FIN; null: the connection is reset */
  response: Uint8Array | null;
  /** what we acknowledge: also bytes that we threw away */
  clientEnd: number;
  clientFin: boolean;
  /** how long the entry stays, closed: a late copy of the request must not be taken for new */
  lingerMs: number;
}
