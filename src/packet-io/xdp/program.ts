// The program that a device runs on each frame: IP packets for this program go to the socket of their
// connection's worker, all others on into the kernel.
import { Assembler } from '../bpf/assembler.ts';
import { FROM_ADDRESS, STEERED_IPV4, STEERED_IPV6, steer, type Steering } from '../bpf/steering.ts';
import { FRAME_ROOM } from './place.ts';

// struct xdp_md
const FRAME = 0;
const FRAME_END = 4;
const RECEIVE_QUEUE = 16;

const MAC_HEADER = 14;
const MAC_TYPE = 12;
// EtherTypes as they lie in memory
const TYPE_IPV4 = 0x0008;
const TYPE_IPV6 = 0xdd86;
const DESTINATIONS = { 4: [16], 6: [24, 28, 32, 36] } as const;

const PASS = 2;
const MAP_LOOKUP = 1;
const REDIRECT_MAP = 51;
// on the stack
const FIRST_SOCKET = -4;
const ADDRESS = -24;

export interface XdpProgram {
  steering: Steering;
  /** by receive queue * workers + worker */
  sockets: number;
  /** maps of the addresses whose packets are taken; all are when omitted */
  destinations?: { 4: number; 6: number } | undefined;
}

function ofFamily(
  code: Assembler,
  version: 4 | 6,
  { steering, sockets, ...program }: XdpProgram,
): void {
  const bytes = version === 4 ? STEERED_IPV4 : STEERED_IPV6;
  code
    .label(`family${version}`)
    .do('move', 'r3', 'r6')
    .do('add', 'r3', MAC_HEADER + bytes);
  code.jumpIf('above', 'r3', 'r2', 'pass').do('add', 'r6', MAC_HEADER);
  if (program.destinations) {
    for (const [index, offset] of DESTINATIONS[version].entries()) {
      code.load(4, 'r3', 'r6', offset).store(4, 'r10', ADDRESS + index * 4, 'r3');
    }
    code.map('r1', program.destinations[version]).do('move', 'r2', 'r10').do('add', 'r2', ADDRESS);
    code.call(MAP_LOOKUP).jumpIf('equal', 'r0', 0, 'pass');
  }
  steer(code, FROM_ADDRESS, version, steering);
  code.load(4, 'r2', 'r10', FIRST_SOCKET).do('add', 'r2', 'r7');
  code.map('r1', sockets).do('move', 'r3', PASS).call(REDIRECT_MAP).exit();
}

/** Instructions for loadProgram. A frame that has no room in the ring's is left to the kernel, too. */
export function xdpProgram(program: XdpProgram): Uint8Array {
  const code = new Assembler();
  code.load(4, 'r2', 'r1', RECEIVE_QUEUE).do('multiply', 'r2', program.steering.workers);
  code.store(4, 'r10', FIRST_SOCKET, 'r2');
  code.load(4, 'r6', 'r1', FRAME).load(4, 'r2', 'r1', FRAME_END);
  code.do('move', 'r3', 'r6').do('add', 'r3', MAC_HEADER).jumpIf('above', 'r3', 'r2', 'pass');
  code.do('move', 'r3', 'r6').do('add', 'r3', FRAME_ROOM).jumpIf('below', 'r3', 'r2', 'pass');
  code.load(2, 'r4', 'r6', MAC_TYPE).jumpIf('equal', 'r4', TYPE_IPV4, 'family4');
  code.jumpIf('unequal', 'r4', TYPE_IPV6, 'pass');
  ofFamily(code, 6, program);
  ofFamily(code, 4, program);
  return code.label('pass').do('move', 'r0', PASS).exit().bytes();
}
