import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { decodeFrame } from '../../src/channel/codec.ts';
import { readPacket } from '../../src/packet/read.ts';
import { AT_AGENT, FROM_KERNEL, TO_KERNEL } from './server-host.ts';
import { addressText } from './tcp/words.ts';

const FLAGS = [
  [TCP_SYN, 'S'],
  [TCP_FIN, 'F'],
  [TCP_RST, 'R'],
  [TCP_PSH, 'P'],
  [TCP_ACK, '.'],
] as const;

/** One line about a delivery of a run; `names` are the network's hosts. */
export function describeDelivery(
  nowMs: number,
  receiver: number,
  bytes: Uint8Array,
  names: string[],
): string {
  const at = nowMs.toFixed(3).padStart(11);
  const version = bytes[0]! >> 4;
  if (version === 4 || version === 6)
    return `${at} ${placeOf(receiver, names)} ${packetText(bytes)}`;
  return `${at} ${placeOf(receiver, names)} ${frameText(bytes)}`;
}

function placeOf(receiver: number, names: string[]): string {
  const place =
    receiver >= FROM_KERNEL
      ? `server${receiver - FROM_KERNEL} kernel >agent`
      : receiver >= TO_KERNEL
        ? `server${receiver - TO_KERNEL} agent >kernel`
        : receiver >= AT_AGENT
          ? `>server${receiver - AT_AGENT} control`
          : `>${names[receiver]}`;
  return place.padEnd(22);
}

function packetText(bytes: Uint8Array): string {
  const packet = readPacket(bytes);
  if (!packet) return `${bytes.length} bytes that are no TCP packet`;
  const flags = FLAGS.map(([bit, letter]) => (packet.flags & bit ? letter : '')).join('');
  const from = `${addressText(packet.source)}:${packet.sourcePort}`;
  const ends = `${from} > ${addressText(packet.destination)}:${packet.destinationPort}`;
  const stamps = packet.options.timestamps;
  const words = [ends, flags, `seq ${packet.sequence}`];
  if (packet.flags & TCP_ACK) words.push(`ack ${packet.acknowledgment}`);
  if (packet.payload.length > 0) words.push(`bytes ${packet.payload.length}`);
  words.push(`win ${packet.window}`);
  if (stamps) words.push(`ts ${stamps.value} ${stamps.echo}`);
  for (const [left, right] of packet.options.sack ?? []) words.push(`sack ${left}-${right}`);
  return words.join(' ');
}

function frameText(bytes: Uint8Array): string {
  const frame = decodeFrame(bytes);
  if ('error' in frame) return frame.error;
  const text = JSON.stringify(frame.message, (_key, value: unknown) =>
    value instanceof Uint8Array ? (value.length <= 16 ? addressText(value) : value.length) : value,
  );
  return frame.message.type === 'ping' ? 'ping' : text;
}
