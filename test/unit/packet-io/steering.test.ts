// The kernel runs the programs on made-up packets, the core says which worker each belongs to.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { Random } from '../../../src/lab/random.ts';
import { Assembler } from '../../../src/packet-io/bpf/assembler.ts';
import * as bpf from '../../../src/packet-io/bpf/calls.ts';
import {
  FROM_ADDRESS,
  STEERED_IPV6,
  steer,
  steeringFilter,
  type Steering,
} from '../../../src/packet-io/bpf/steering.ts';
import * as libc from '../../../src/packet-io/libc.ts';
import type { LocalTuple } from '../../../src/tuple.ts';
import { CoreHost, SMALL } from '../../support/core-host.ts';

const steering = suite('steering');
const TUPLES = 2000;
const ETHERNET = 14;
const WORKERS = 7;
const SEEDS = [SMALL.seeds[0], SMALL.seeds[1] | 1n] as const;
const random = new Random(7);

const fields = (six: boolean) =>
  six ? { source: 8, destination: 24, ports: 40 } : { source: 12, destination: 16, ports: 20 };

/** A frame whose IP packet goes from one end to the other; all else in it is noise. */
function frame(from: Uint8Array, fromPort: number, to: Uint8Array, toPort: number): Uint8Array {
  const six = from.length === 16;
  const bytes = Uint8Array.from({ length: 100 }, () => random.below(256));
  bytes.set([8, 0], 12);
  const ip = ETHERNET;
  bytes[ip] = six ? 0x60 : 0x45;
  const { source, destination, ports } = fields(six);
  bytes.set(from, ip + source);
  bytes.set(to, ip + destination);
  const view = new DataView(bytes.buffer);
  view.setUint16(ip + ports, fromPort);
  view.setUint16(ip + ports + 2, toPort);
  return bytes;
}

function someAddress(six: boolean): Uint8Array {
  return Uint8Array.from({ length: six ? 16 : 4 }, () => random.below(256));
}

function someTuple(six: boolean): LocalTuple {
  return {
    client: someAddress(six),
    clientPort: random.below(65536),
    local: someAddress(six),
    localPort: random.below(65536),
  };
}

/** As an XDP program has it: by the frame's address. */
function byAddress(wanted: Steering): Uint8Array {
  const code = new Assembler().load(4, 'r6', 'r1', 0).load(4, 'r2', 'r1', 4);
  code.do('move', 'r3', 'r6').do('add', 'r3', ETHERNET + STEERED_IPV6);
  code.jumpIf('above', 'r3', 'r2', 'none').do('add', 'r6', ETHERNET);
  code.load(1, 'r7', 'r6', 0).do('shiftRight', 'r7', 4).jumpIf('equal', 'r7', 6, 'ipv6');
  for (const version of [4, 6] as const) {
    code.label(`ipv${version}`);
    steer(code, FROM_ADDRESS, version, wanted);
    code.do('move', 'r0', 'r7').exit();
  }
  return code.label('none').do('move', 'r0', WORKERS).exit().bytes();
}

async function agrees(program: number, networks?: Steering['servers']): Promise<void> {
  const host = await CoreHost.create();
  const seen = new Set<number>();
  for (let number = 0; number < TUPLES; number += 1) {
    const tuple = someTuple(random.below(2) === 1);
    const { client, clientPort, local, localPort } = tuple;
    const own = networks?.find(({ network }) => network.length === local.length)?.network;
    const isReply = own !== undefined && random.below(2) === 1;
    if (isReply) local.set(own.subarray(0, own.length - 1));
    host.connections.writeTuple(tuple);
    const wanted = host.core.steer(L.CONTROL_TUPLE) % WORKERS;
    const packet = isReply
      ? frame(local, localPort, client, clientPort)
      : frame(client, clientPort, local, localPort);
    assert.is(bpf.runProgram(program, packet), wanted);
    seen.add(wanted);
  }
  assert.is(seen.size, WORKERS);
}

/** Undefined: this user may load none. */
function loaded(type: number, program: Uint8Array): number | undefined {
  try {
    return bpf.loadProgram(type, program);
  } catch (error) {
    if (/CAP_BPF/.test((error as Error).message)) return undefined;
    throw error;
  }
}

const SERVERS = [
  { network: Uint8Array.of(10, 82, 1, 0), length: 24 },
  { network: Uint8Array.of(0xfd, 0x82, 0, 1, ...Array.from({ length: 12 }, () => 0)), length: 120 },
];

for (const [kind, type, build] of [
  ['a socket filter', bpf.SOCKET_FILTER, steeringFilter],
  ['an XDP program', bpf.XDP, byAddress],
] as const) {
  const plain = loaded(type, build({ seeds: SEEDS, workers: WORKERS }));
  if (plain === undefined) {
    steering.skip(`${kind} chooses the core's worker: CAP_BPF is missing`);
    continue;
  }
  steering(`${kind} chooses the core's worker by the client`, async () => {
    await agrees(plain);
    libc.close(plain);
  });
  steering(`${kind} knows an agent's replies by their source`, async () => {
    const wanted = { seeds: SEEDS, workers: WORKERS, servers: SERVERS };
    const program = bpf.loadProgram(type, build(wanted));
    await agrees(program, SERVERS);
    libc.close(program);
  });
}

steering('a program that the verifier refuses is told with its words', () => {
  const code = new Assembler().exit().bytes();
  assert.throws(
    () => bpf.loadProgram(bpf.XDP, code),
    /cannot load a BPF program: (EACCES\n[^]*R0 !read_ok|EPERM \(CAP_BPF)/,
  );
});

steering('jumps need a label, and each has one place', () => {
  assert.throws(() => new Assembler().jump('nowhere').bytes(), /no label nowhere/);
  assert.throws(() => new Assembler().label('a').label('a'), /label a stands twice/);
});

steering.run();
