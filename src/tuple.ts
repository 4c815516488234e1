import type { Address, HandoffId } from './channel/messages.ts';

/** A connection's key: the client, and the address and port that its packets come to. */
export interface LocalTuple {
  client: Address;
  clientPort: number;
  local: Address;
  localPort: number;
}

export function sameAddress(a: Address, b: Address): boolean {
  if (a.length !== b.length) return false;
  // by far the most frequent comparison of control: a call for each byte would show
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
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
