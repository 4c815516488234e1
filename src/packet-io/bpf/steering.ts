// The worker of a connection, computed in the kernel by the table's own hash (assembly/lookup/hash.ts) of
// the client's address and port: core.steer(tuple) % workers. Each packet of a connection comes to the
// worker whose bucket it is in, in order.
import * as L from '../../../assembly/layout.ts';
import { prefixMask, type Prefix } from '../../config/address.ts';
import { Assembler, type Register, type Width } from './assembler.ts';

const MULTIPLIER_A = 0x9e3779b97f4a7c15n;
const MULTIPLIER_B = 0xd1b54a32d192ed03n;

const IPV4 = { family: 4, source: 12, destination: 16, ports: 20 } as const;
const IPV6 = { family: 6, source: 8, destination: 24, ports: 40 } as const;
/** Bytes from the IP header on that are read. */
export const STEERED_IPV4 = 24;
export const STEERED_IPV6 = 44;

export interface Steering {
  /** of the table's hash, as the memory's header has them (the second is odd) */
  seeds: readonly [bigint, bigint];
  workers: number;
  /** of an agent: what comes from these addresses goes to the client */
  servers?: readonly Prefix[] | undefined;
  /** they are splice addresses: what goes to them is for the client */
  splices?: boolean | undefined;
}

function networkIn(header: DataView, network: number, mask: number, size: number): Prefix[] {
  const bytes = new Uint8Array(header.buffer);
  const bits = Array.from(bytes.subarray(mask, mask + size), (byte) => byte.toString(2)).join('');
  const length = bits.replaceAll('0', '').length;
  return length === 0 ? [] : [{ network: bytes.slice(network, network + size), length }];
}

/** What the core of a memory whose map is written steers by. */
export function steeringOf(memory: WebAssembly.Memory, workers: number): Steering {
  const header = new DataView(memory.buffer);
  const seed = (index: number): bigint => header.getBigUint64(L.HEADER_HASH_SEED + index * 8, true);
  const isAgent = header.getUint32(L.HEADER_ROLE, true) === L.ROLE_AGENT;
  const servers = [
    ...networkIn(header, L.HEADER_SERVICE_NETWORK4, L.HEADER_SERVICE_MASK4, 4),
    ...networkIn(header, L.HEADER_SERVICE_NETWORK6, L.HEADER_SERVICE_MASK6, 16),
  ];
  const splices = header.getUint32(L.HEADER_SPLICES, true) !== 0;
  return { seeds: [seed(0), seed(1)], workers, servers: isAgent ? servers : [], splices };
}

/**
 * Loads from the packet, counted from the IP header, as the bytes lie in memory; r0 to r5 may be lost.
 * r6 belongs to it, r7 to r9 hold what was loaded.
 */
export interface PacketSource {
  load(code: Assembler, width: Width, target: Register, offset: number): void;
}

/** r6 is the IP header's address, and as many bytes are known to be there. */
export const FROM_ADDRESS: PacketSource = {
  load: (code, width, target, offset) => code.load(width, target, 'r6', offset),
};

/** r6 is the context of a socket filter, whose packet begins with the IP header. */
export const FROM_FILTER: PacketSource = {
  load(code, width, target, offset) {
    if (width === 8) {
      this.load(code, 4, target, offset);
      this.load(code, 4, 'r0', offset + 4);
      code.do('shiftLeft', 'r0', 32).do('or', target, 'r0');
      return;
    }
    code.loadPacket(width, offset);
    if (width > 1) code.swap(width === 2 ? 2 : 4, 'r0');
    if (target !== 'r0') code.do('move', target, 'r0');
  },
};

type Family = typeof IPV4 | typeof IPV6;

/** Goes on at `reply` when the address there is one of the agent's own. */
function jumpIfReply(
  code: Assembler,
  source: PacketSource,
  family: Family,
  { servers = [], splices = false }: Steering,
  reply: string,
): void {
  const own = servers.find(({ network }) => network.length === (family === IPV4 ? 4 : 16));
  if (!own) return;
  const at = splices ? family.destination : family.source;
  const mask = prefixMask(own);
  const network = own.network.map((byte, index) => byte & mask[index]!);
  const words = family === IPV4 ? 1 : 2;
  for (let word = 0; word < words; word += 1) {
    const half = (bytes: Uint8Array): bigint => {
      const part = bytes.subarray(word * 8, word * 8 + (words === 1 ? 4 : 8));
      return part.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    };
    source.load(code, words === 1 ? 4 : 8, 'r7', at + word * 8);
    code.constant('r1', half(mask)).do('and', 'r7', 'r1').constant('r1', half(network));
    if (word + 1 < words) code.jumpIf('unequal', 'r7', 'r1', `client${family.family}`);
    else code.jumpIf('equal', 'r7', 'r1', reply);
  }
}

/** The client's address to r7 and r8, its port to r9. */
function loadClient(code: Assembler, source: PacketSource, family: Family, isReply: boolean): void {
  const at = isReply ? family.destination : family.source;
  source.load(code, family === IPV4 ? 4 : 8, 'r7', at);
  if (family === IPV6) source.load(code, 8, 'r8', at + 8);
  source.load(code, 2, 'r9', family.ports + (isReply ? 2 : 0));
}

/** Folds what is in r7 to r9 to r7; the last step, mix, is both families' own. */
function premix(code: Assembler, family: Family, [, factor]: Steering['seeds']): void {
  code.do('shiftLeft', 'r9', 32);
  if (family === IPV4) {
    code.do('or', 'r7', 'r9');
    return;
  }
  code.constant('r0', factor).do('xor', 'r7', 'r0');
  code.constant('r0', MULTIPLIER_A).do('multiply', 'r7', 'r0');
  code.do('move', 'r0', 'r7').do('shiftRight', 'r0', 32).do('xor', 'r7', 'r0');
  code.do('xor', 'r7', 'r8').constant('r0', MULTIPLIER_B).do('multiply', 'r7', 'r0');
  code.do('move', 'r0', 'r7').do('shiftRight', 'r0', 29).do('xor', 'r7', 'r0');
  code.do('add', 'r7', 'r9');
}

/**
 * Writes the code for one family; r7 is then the worker's number. The packet's first bytes, STEERED_*,
 * must be known to be there.
 */
export function steer(
  code: Assembler,
  source: PacketSource,
  version: 4 | 6,
  steering: Steering,
): void {
  const family = version === 4 ? IPV4 : IPV6;
  const label = (name: string): string => `${name}${version}`;
  jumpIfReply(code, source, family, steering, label('reply'));
  code.label(label('client'));
  loadClient(code, source, family, false);
  if (steering.servers?.some(({ network }) => network.length === (version === 4 ? 4 : 16))) {
    code.jump(label('hash')).label(label('reply'));
    loadClient(code, source, family, true);
    code.label(label('hash'));
  }
  premix(code, family, steering.seeds);
  const [seed, factor] = steering.seeds;
  code.constant('r0', seed).do('xor', 'r7', 'r0');
  code.constant('r0', factor).do('multiply', 'r7', 'r0');
  code.do('move', 'r1', 'r7').do('shiftRight', 'r1', 32).do('xor', 'r7', 'r1');
  code.do('multiply', 'r7', 'r0').do('shiftRight', 'r7', 32);
  code.do('modulo', 'r7', steering.workers);
}

/**
 * A socket filter whose result is the worker's number, for a TUN's queues (TUNSETSTEERINGEBPF). What is no
 * IP packet, or too short, comes to the first one.
 */
export function steeringFilter(steering: Steering): Uint8Array {
  const code = new Assembler().do('move', 'r6', 'r1');
  FROM_FILTER.load(code, 1, 'r7', 0);
  code.do('shiftRight', 'r7', 4).jumpIf('equal', 'r7', 4, 'ipv4');
  code.jumpIf('equal', 'r7', 6, 'ipv6').do('move', 'r0', 0).exit();
  for (const version of [4, 6] as const) {
    code.label(`ipv${version}`);
    steer(code, FROM_FILTER, version, steering);
    code.do('move', 'r0', 'r7').exit();
  }
  return code.bytes();
}
