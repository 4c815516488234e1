// The control channel's messages as TypeScript sees them. Bytes: codec.ts; meaning:
// docs/protocol.md.
import type { DispatchMessage } from './dispatch-messages.ts';
import type { GroupMessage } from './group-messages.ts';
import type { Idle } from './idle-message.ts';

/** Host run (32 bit, drawn at start by the giving host) and a counter in that run. */
export interface HandoffId {
  run: number;
  counter: number;
}

/** Address as 4 or 16 bytes in network order. */
export type Address = Uint8Array;

/** A connection as the client sees it. */
export interface Tuple {
  client: Address;
  clientPort: number;
  vip: Address;
  vipPort: number;
}

export interface ServiceOffer {
  vip: Address;
  port: number;
  /** port of the server application on the agent's host */
  serverPort: number;
}

/** Where the agent wants the packets of a (VIP, port) of this group. */
export interface Binding {
  vip: Address;
  port: number;
  handoff: Address;
  handoffPort: number;
}

/**
 * Capability `line:X` of an agent: which memory it has. It is the same after a reconnect, and after a
 * restart that lost nothing of what the agent knew.
 */
export const LINE = 'line:';

/**
 * Capability of a switch that hands nothing over: it sends each new connection to a distributor, and the
 * packets of one that was handed over where `update` says.
 */
export const IN_FRONT = 'in-front';

/** Capability of a switch that is one of several of its group: it wants to hear of what others gave. */
export const IN_GROUP = 'in-group';

/**
 * First message of both sides. The agent answers a hello of a switch with one that has bindings.
 */
export interface Hello {
  type: 'hello';
  version: number;
  name: string;
  roles: string[];
  /** name of the group of switches that share VIPs and keys */
  group: string;
  run: number;
  capabilities: string[];
  services: ServiceOffer[];
  bindings: Binding[];
}

export interface Handoff {
  type: 'handoff';
  id: HandoffId;
  tuple: Tuple;
  serverPort: number;
  /** ISNs that the client and the switch used */
  clientIsn: number;
  switchIsn: number;
  /** next sequence number the client expects: switchIsn + 1 + what was sent to it */
  switchNext: number;
  mss: number;
  /** window scale of the client, 15 = option not offered */
  clientScale: number;
  /** window scale that the SYN-ACK offered (meaningful when the client offered one) */
  switchScale: number;
  sack: boolean;
  timestamps: boolean;
  /** the connection is TLS: the switch wants to know by which keys its sessions can be resumed */
  sessions: boolean;
  /** name of the cookie whose values the switch wants to know; absent: none */
  cookie?: string;
  /** client's newest TSval, TSecr of the client's segment (0 without timestamps) */
  timestampRecent: number;
  timestampSwitch: number;
  /** raw window field of the client's newest segment */
  window: number;
  /**
   * The client has sent its SYN and got no answer: the server's SYN-ACK goes to it, with switchIsn.
   * Then there are no bytes.
   */
  bySyn?: true;
  /**
   * Each request of the connection is dispatched: the bytes hold one request, or its beginning. `next`:
   * sequence number at which another one can begin; behind it no byte comes before that is known.
   */
  requests?: { next: number; isHead: boolean };
  /**
   * The giver has asked every agent of the service: refused where the tuple is not reserved for it.
   */
  reserved?: true;
  /** parsed bytes from clientIsn + 1 on */
  bytes: Uint8Array;
}

/**
 * The kernel of the server has acknowledged all handed bytes. Terminal: repeated until confirmed.
 */
export interface Ready {
  type: 'ready';
  id: HandoffId;
}

/**
 * Terminal. `delivered: 'no'`: no acknowledgment of any handed byte was seen, another server may be
 * tried.
 */
export interface Failed {
  type: 'failed';
  id: HandoffId;
  delivered: 'no' | 'maybe';
  reason: string;
}

/** The connection is over (paper: close, THOP_NOTIFYCLS). Terminal. Either side sends it. */
export interface Close {
  type: 'close';
  id: HandoffId;
  tuple: Tuple;
  /** only to a switch in front, which knows no handoff ids: which connection of the tuple it is */
  clientIsn?: number;
}

/** Terminal messages that arrived: the sender may forget them. */
export interface Confirm {
  type: 'confirm';
  ids: HandoffId[];
  /** which of an id's terminal messages arrived; omitted: all that the sender repeats for it */
  of?: 'ready' | 'failed' | 'close' | 'update' | 'released';
}

/**
 * Distributor to each switch in front of it: another server has the connection, and has confirmed it. The
 * tuple's packets now go to that server's handoff address. Repeated until confirmed (paper: update).
 */
export interface Update {
  type: 'update';
  /** of the handoff */
  id: HandoffId;
  tuple: Tuple;
  /** which connection of the tuple it is */
  clientIsn: number;
  /** of the tuple's family */
  handoff: Address;
  handoffPort: number;
  /** name of the server's host */
  server: string;
}

export interface ResyncEntry {
  id: HandoffId;
  tuple: Tuple;
  clientIsn: number;
}

/** All connections that one side believes to be with the other, in chunks; `last` ends the list. */
export interface Resync {
  type: 'resync';
  entries: ResyncEntry[];
  last: boolean;
}

/** Agent to switch, periodically. */
export interface LoadReport {
  type: 'load';
  openConnections: number;
}

/**
 * Agent to switch: this server has given the client of that handoff a TLS session, which can be resumed
 * there only, or a cookie. Sent once: what is lost costs a full handshake, or a way back.
 */
export interface Session {
  type: 'session';
  id: HandoffId;
  /** hash of its session id, its ticket, or `NAME=value` of the cookie, as of a request target */
  key: number;
}

/**
 * The switch wants the connection back, to hand it to another server: for the request at `sequence`. It is
 * given if the server has answered all `requests` before, and the client acknowledged all answers.
 */
export interface Release {
  type: 'release';
  id: HandoffId;
  tuple: Tuple;
  sequence: number;
  /** the newest acknowledgment of the client that the switch has seen */
  acknowledgment: number;
  requests: number;
  /** answer when it is free, not `later` */
  waits: boolean;
}

/** The server has forgotten the connection without a packet to the client. Terminal. */
export interface Released {
  type: 'released';
  id: HandoffId;
  tuple: Tuple;
  /** next sequence number that the client expects */
  next: number;
  /** newest TSval that the client got; 0 without timestamps */
  timestamp: number;
}

/**
 * The connection stays. later: a request is not answered, or an answer not acknowledged. never: where a
 * response ends cannot be told. ending: one side has sent its FIN. unknown: it is not here.
 */
export interface Busy {
  type: 'busy';
  id: HandoffId;
  reason: 'later' | 'never' | 'upgraded' | 'ending' | 'unknown';
}

export type Agreed = Pick<Handoff, 'mss' | 'clientScale' | 'switchScale' | 'sack' | 'timestamps'>;

/**
 * From a switch: so many requests were sent to the server under that id, the next one can begin at `next`.
 * From an agent, before its list: what it was told last, if nothing else has come since. What is lost
 * costs the connection if the switch dies, too.
 */
export interface Requests {
  type: 'requests';
  id: HandoffId;
  tuple: Tuple;
  count: number;
  next: number;
  /** from an agent: what was agreed with the client, as in the handoff; from a switch: absent */
  agreed?: Agreed;
}

export interface Ping {
  type: 'ping';
}

export type Message =
  | Hello
  | Handoff
  | Ready
  | Failed
  | Close
  | Confirm
  | Update
  | Resync
  | LoadReport
  | Session
  | Release
  | Released
  | Busy
  | Requests
  | Idle
  | Ping
  | DispatchMessage
  | GroupMessage;
