import type { Hello, Message } from './channel/messages.ts';
import type { Config } from './config/config.ts';

/** What happens to a plane of the program. Real and simulated runs feed the same events. */
export type PlaneEvent =
  | PacketEvent
  | MessageEvent
  | ChannelUpEvent
  | ChannelDownEvent
  | ConfigEvent
  | ModeEvent
  | HealthEvent
  | RebalanceEvent
  | ProbeEvent
  | TimeEvent;

/** A record that a worker queued for control (layout.ts, RING_*). `packet` is a copy, without vnet header. */
export interface PacketEvent {
  kind: 'packet';
  /** QUEUE_OPEN and the others that go to control (layout.ts) */
  queue: number;
  worker: number;
  /** entry index, or NO_ENTRY */
  entry: number;
  /** handoff id that the entry had when the packet was queued */
  idRun: number;
  idCounter: number;
  /** QUEUE_OPEN: mss | scale << 16 | OPTION_* << 24 as the cookie held them */
  options: number;
  packet: Uint8Array;
  /** the device's virtio_net_hdr of that packet, 10 bytes; goes with it when it is sent on */
  vnet: Uint8Array;
}

export interface MessageEvent {
  kind: 'message';
  from: string;
  message: Message;
}

export interface ChannelUpEvent {
  kind: 'channel-up';
  peer: string;
  hello: Hello;
}

export interface ChannelDownEvent {
  kind: 'channel-down';
  peer: string;
  /** when the last frame came from it (monotonic ms); absent: right now */
  heardMs?: number;
}

/**
 * The host has a new configuration that differs in nothing that needs a restart (config/difference.ts);
 * a switch's service table holds the new services already.
 */
export interface ConfigEvent {
  kind: 'config';
  config: Config;
}

/**
 * Whether a server takes new connections. drain: none, those that it has go on; maint: the same, and its
 * health is not checked.
 */
export type ServerMode = 'ready' | 'drain' | 'maint';

/** The operator wants a server of this switch in that mode. */
export interface ModeEvent {
  kind: 'mode';
  server: string;
  mode: ServerMode;
  /** its connections are to leave it as soon as they can; only of `drain` */
  moves?: boolean;
}

/** Health checks have found another state of a server than before, for the connections of that pool. */
export interface HealthEvent {
  kind: 'health';
  pool: string;
  server: string;
  healthy: boolean;
}

/** The operator wants connections of a switch shared anew: from servers with more than their share. */
export interface RebalanceEvent {
  kind: 'rebalance';
}

/**
 * A connection of the switch's own host, which has sent nothing yet: it is for that server, whatever is
 * known of it.
 */
export interface ProbeEvent {
  kind: 'probe';
  client: Uint8Array;
  clientPort: number;
  server: string;
  /** nobody looks at it any more */
  isOver: boolean;
}

/** The deadline that the last receive() asked for has come (or an earlier moment: harmless). */
export interface TimeEvent {
  kind: 'time';
}

/** What a plane wants done, in this order. */
export interface Effects {
  packets: OutgoingPacket[];
  messages: OutgoingMessage[];
  /** monotonic ms at which it wants a TimeEvent at the latest; Infinity = none */
  deadlineMs: number;
}

/** For a worker's ring from control. */
export interface OutgoingPacket {
  worker: number;
  /** IP packet with full checksums, or one that a device delivered, with its vnet header */
  packet: Uint8Array;
  /** omitted: ten zero bytes */
  vnet?: Uint8Array;
  /** entry index: rewrite by it and count as a held packet sent (QUEUE_REWRITE); omitted: send as it is */
  rewrite?: number;
}

export interface OutgoingMessage {
  to: string;
  message: Message;
}

/** Control (`src/control`) and agent (`src/agent`): no await, timer, clock or random number inside. */
export interface Plane {
  receive(event: PlaneEvent, nowMs: number): Effects;
}
