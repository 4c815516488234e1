export {
  TCP_ACK as ACK,
  TCP_FIN as FIN,
  TCP_RST as RST,
  TCP_SYN as SYN,
} from '../../../assembly/wire/tcp.ts';
export { TCP_PSH as PSH } from '../../../assembly/wire/tcp.ts';

export type State =
  'ESTABLISHED' | 'FIN-WAIT-1' | 'FIN-WAIT-2' | 'CLOSE-WAIT' | 'CLOSING' | 'LAST-ACK' | 'CLOSED';

/** The four numbers of a connection as this host sees them. */
export interface Ends {
  local: Uint8Array;
  localPort: number;
  remote: Uint8Array;
  remotePort: number;
}

export function addressText(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const words: string[] = [];
  for (let i = 0; i < 16; i += 2) words.push(((address[i]! << 8) | address[i + 1]!).toString(16));
  return words.join(':');
}

export function endsKey(ends: Ends): string {
  const { local, remote } = ends;
  return `${remote.join('.')}:${ends.remotePort}>${local.join('.')}:${ends.localPort}`;
}

/** Offset of a sequence number near a known one: sequence numbers wrap, offsets do not. */
export function offsetNear(first: number, near: number, sequence: number): number {
  return near + ((sequence - ((first + near) >>> 0)) | 0);
}
