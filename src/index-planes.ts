// What embedders import as `baton/planes`: switch and agent without devices, sockets, threads or clocks.
// A plane takes events (packets that the core left to it, messages of its peers, time) and says what is to be
// sent; who embeds it carries packets and messages, by whatever there is. examples/one-process does so.
export { WebSwitch } from './control/switch/web-switch.ts';
export { writeCookieKeys } from './control/switch/cookie-keys.ts';
export { Agent } from './agent/agent.ts';
export type { Effects, OutgoingPacket, Plane, PlaneEvent } from './event.ts';
export type { Hello, Message } from './channel/messages.ts';
export { parseConfig } from './config/load.ts';
export type { Config } from './config/config.ts';
export { ServicePlaces } from './host/service-places.ts';

/** A worker's turn over any device; MemoryDevice is one without a network. */
export { Forwarding } from './workers/forwarding.ts';
export { FromControlWriter, ToControlReader } from './workers/rings.ts';
export { MemoryDevice } from './packet-io/memory.ts';
export type { Device } from './packet-io/device.ts';

/** TCP packets as values. */
export { buildPacket } from './packet/build.ts';
export type { PacketParts } from './packet/build.ts';
export { readPacket } from './packet/read.ts';
export type { TcpPacket } from './packet/read.ts';
export { createCore } from './core.ts';
export type { MemoryMapOptions } from './memory-map.ts';
