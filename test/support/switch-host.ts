// A core as the switch, and a client that shakes hands with it.
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { CoreBuild } from '../../src/core.ts';
import type { MemoryMapOptions } from '../../src/memory-map.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { CoreHost, address4, address6 } from './core-host.ts';
import type { Outcome } from './core-host.ts';

export const TEXT = new Uint8Array([71, 69, 84, 32]);
export const CLIENT_ISN = 0xfffffff0;
export const ID = { run: 5, counter: 6 };
export const VIP4 = address4(80, 2);
export const VIP6 = address6(80, 2);
export const NOW = 50_000;

export async function switchHost(
  options: Partial<MemoryMapOptions> = {},
  build: CoreBuild = 'release',
): Promise<CoreHost> {
  const services = [VIP4, VIP6].map((address) => ({ address, port: 80, windowScale: 9 }));
  const host = await CoreHost.create({ services, halfOpenLimit: 8, ...options }, build);
  for (let byte = 0; byte < 64; byte += 1) host.core.bytes[L.HEADER_COOKIE_KEYS + byte] = byte * 7;
  host.core.view.setUint32(L.HEADER_COOKIE_EPOCH, 1000, true);
  return host;
}

export function from(six: boolean, flags: number, more: Partial<PacketParts> = {}): PacketParts {
  return {
    source: six ? address6(1) : address4(1),
    destination: six ? VIP6 : VIP4,
    sourcePort: 40_000,
    destinationPort: 80,
    sequence: CLIENT_ISN,
    flags,
    window: 500,
    ...more,
  };
}

export const SYN_OPTIONS = {
  mss: 1460,
  windowScale: 7,
  sackPermitted: true,
  timestamps: { value: 111, echo: 0 },
};

/** SYN, SYN-ACK; what the client's next segment begins with. */
export function handshake(
  host: CoreHost,
  six: boolean,
  more: Partial<PacketParts> = {},
): PacketParts {
  const syn = from(six, TCP_SYN, { options: SYN_OPTIONS, ...more });
  const answer = host.send(syn, NOW);
  assert.is(answer.verdict, V.VERDICT_ANSWER);
  const synAck = readPacket(answer.packet)!;
  assert.is(synAck.flags, TCP_SYN | TCP_ACK);
  return {
    ...from(six, TCP_ACK, more),
    sequence: (syn.sequence + 1) >>> 0,
    acknowledgment: (synAck.sequence + 1) >>> 0,
    options: { timestamps: { value: 112, echo: synAck.options.timestamps!.value } },
  };
}

export function expectDrop(outcome: Outcome, reason: number): void {
  assert.equal([outcome.verdict, outcome.reason], [V.VERDICT_DROP, reason]);
}

/** Sets an entry's state (and server), as control does. */
export function become(host: CoreHost, entry: number, state: number, six = false): void {
  const { core, connections, owner } = host;
  const id = connections.id(entry);
  connections.template().state(state).id(ID);
  const server = six ? address6(7, 7) : address4(7, 7);
  connections.template().state(state).id(ID).server(server, 8080);
  const what = C.UPDATE_STATE | C.UPDATE_ID | C.UPDATE_SERVER;
  assert.is(core.update(owner, entry, id.run, id.counter, L.CONTROL_TEMPLATE, what), 1);
}
