// Packets into the server's kernel, as if they came from the client.
import { TCP_ACK, TCP_PSH, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { SCALE_NONE } from '../../assembly/layout.ts';
import type { Address, Handoff } from '../channel/messages.ts';
import { buildPacket } from '../packet/build.ts';
import type { TcpOptions } from '../packet/read.ts';
import { advance } from '../packet/sequence.ts';

/** The two ends of the connection as the server's kernel sees it. */
export interface KernelEnds {
  client: Address;
  clientPort: number;
  /** service address */
  server: Address;
  serverPort: number;
}

const WINDOW_LIMIT = 65535;

function towardsKernel(ends: KernelEnds) {
  return {
    source: ends.client,
    sourcePort: ends.clientPort,
    destination: ends.server,
    destinationPort: ends.serverPort,
  };
}

/** The client's window without scaling, as a SYN carries it. */
export function unscaledWindow(handoff: Handoff): number {
  if (handoff.bySyn) return handoff.window;
  const scale = handoff.clientScale === SCALE_NONE ? 0 : handoff.clientScale;
  return Math.min(WINDOW_LIMIT, handoff.window * 2 ** scale);
}

/** The client's SYN over again. */
export function synSegment(ends: KernelEnds, handoff: Handoff): Uint8Array {
  const options: TcpOptions = { mss: handoff.mss };
  if (handoff.sack) options.sackPermitted = true;
  if (handoff.timestamps) options.timestamps = { value: handoff.timestampRecent, echo: 0 };
  if (handoff.clientScale !== SCALE_NONE) options.windowScale = handoff.clientScale;
  return buildPacket({
    ...towardsKernel(ends),
    sequence: handoff.clientIsn,
    flags: TCP_SYN,
    window: unscaledWindow(handoff),
    options,
  });
}

export interface DataSegment {
  sequence: number;
  acknowledgment: number;
  window: number;
  payload: Uint8Array;
  /** last of the handed bytes */
  push: boolean;
  /** TSval; null without timestamps */
  timestamp: number | null;
}

/**
 * TSecr is 0: an echo of the kernel's SYN-ACK would give it a round trip of a tenth of a millisecond,
 * which makes it retransmit to a client that is farther away (RFC 7323 section 4: no sample of 0).
 */
export function dataSegment(ends: KernelEnds, data: DataSegment): Uint8Array {
  const options: TcpOptions = {};
  if (data.timestamp !== null) options.timestamps = { value: data.timestamp, echo: 0 };
  return buildPacket({
    ...towardsKernel(ends),
    sequence: data.sequence,
    acknowledgment: data.acknowledgment,
    flags: data.push ? TCP_ACK | TCP_PSH : TCP_ACK,
    window: data.window,
    options,
    payload: data.payload,
  });
}

/** Ends the kernel's socket at once if the number is exactly its RCV.NXT (RFC 5961 section 3.2). */
export function resetSegment(ends: KernelEnds, sequence: number): Uint8Array {
  return buildPacket({ ...towardsKernel(ends), sequence, flags: TCP_RST });
}

const OLD_BYTE = new Uint8Array(1);

/**
 * Lies before the window: a living socket answers with its RCV.NXT, none with RST whose number is
 * `acknowledgment`. With a byte of old data the answer is not rate limited, but may carry a D-SACK, so
 * only a connection that gives its client nothing any more is asked that way.
 */
export function probeSegment(
  ends: KernelEnds,
  clientIsn: number,
  acknowledgment: number,
  withByte: boolean,
): Uint8Array {
  return buildPacket({
    ...towardsKernel(ends),
    sequence: advance(clientIsn, -1),
    acknowledgment,
    flags: TCP_ACK,
    ...(withByte ? { payload: OLD_BYTE } : {}),
  });
}
