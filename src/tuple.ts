import type { Address, HandoffId } from './channel/messages.ts';

/** A connection's key: the client, and the address and port that its packets come to. */
export interface LocalTuple {
  client: Address;
  clientPort: number;
  local: Address;
  localPort: number;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

export function sameId(a: HandoffId, b: HandoffId): boolean {
  return a.run === b.run && a.counter === b.counter;
}

/** A string for maps of control; never made on the packet path. */
export function idKey(id: HandoffId): string {
  return `${id.run}.${id.counter}`;
}

/** Likewise, of a connection. */
export function tupleKey({ client, clientPort, local, localPort }: LocalTuple): string {
  return `${client.join('.')} ${clientPort} ${local.join('.')} ${localPort}`;
}
