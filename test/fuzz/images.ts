// What fuzz targets begin with: memory images with a connection in each state, the layout as a C header,
// and inputs that reach far.
import * as L from '../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { Connections } from '../../src/connections.ts';
import { writeCookieKeys } from '../../src/control/switch/cookie-keys.ts';
import { createCore } from '../../src/core.ts';
import { buildPacket, type PacketParts } from '../../src/packet/build.ts';
import type { TcpOptions } from '../../src/packet/read.ts';

const CONNECTIONS = 16;
const FIRST_PORT = 40_000;
const BASE_MS = 1_000_000;

interface Family {
  client: Uint8Array;
  vip: Uint8Array;
  handoff: Uint8Array;
  service: Uint8Array;
}

function six(...groups: number[]): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  groups.forEach((group, index) => view.setUint16(index < 3 ? index * 2 : 14, group));
  return bytes;
}

const FAMILIES: Family[] = [
  {
    client: Uint8Array.of(10, 80, 1, 2),
    vip: Uint8Array.of(192, 0, 2, 80),
    handoff: Uint8Array.of(10, 81, 1, 1),
    service: Uint8Array.of(10, 82, 1, 1),
  },
  {
    client: six(0xfd80, 1, 0, 2),
    vip: six(0x2001, 0xdb8, 0x80, 0x80),
    handoff: six(0xfd81, 1, 0, 1),
    service: six(0xfd82, 1, 0, 1),
  },
];

const STATES = {
  switch: [L.STATE_GATHERING, L.STATE_HELD, L.STATE_DRAINING, L.STATE_FORWARD, L.STATE_CLOSED],
  agent: [L.STATE_REPLAYING, L.STATE_DRAINING, L.STATE_FORWARD, L.STATE_RELEASING, L.STATE_CLOSED],
};

type Role = keyof typeof STATES;

/** A memory of the single-thread core as it is at work, with little room. */
export async function memoryImage(role: Role): Promise<Uint8Array> {
  const core = await createCore(
    {
      role,
      connections: CONNECTIONS,
      workers: 1,
      slots: 4,
      toControlBytes: 4096,
      fromControlBytes: 4096,
      seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
      services: role === 'switch' ? FAMILIES.map(({ vip }) => ({ address: vip, port: 80 })) : [],
      serviceNetworks:
        role === 'agent'
          ? [
              { network: Uint8Array.of(10, 82, 1, 0), length: 24 },
              { network: six(0xfd82, 1), length: 64 },
            ]
          : [],
    },
    'single',
  );
  writeCookieKeys(core, new Uint8Array(32), 1_700_000_000_000);
  const connections = new Connections(core.memory.buffer);
  const owner = core.nextOwner();
  for (const { client, vip, handoff, service } of FAMILIES) {
    STATES[role].forEach((state, index) => {
      connections
        .template()
        .state(state)
        .key({
          client,
          clientPort: FIRST_PORT + index,
          local: role === 'switch' ? vip : handoff,
          localPort: 80,
        })
        .server(role === 'switch' ? handoff : service, 80)
        .vip(vip, 80)
        .flags(index % 2 === 0 ? L.FLAG_TIMESTAMPS : 0)
        .id({ run: 7, counter: index + 1 })
        .created(BASE_MS)
        .deadline(BASE_MS + 20_000)
        .record32(L.RECORD_CLIENT_ISN, 1000)
        .record32(L.RECORD_SWITCH_ISN, 2000);
      core.insert(owner, L.CONTROL_TEMPLATE);
    });
  }
  return new Uint8Array(core.memory.buffer).slice();
}

const MODES = [0, 2, 16, 32, 34, 48];

function input(mode: number, seed: number, packets: Uint8Array[]): Uint8Array {
  const parts = packets.flatMap((packet) => [
    Uint8Array.of(packet.length & 0xff, packet.length >> 8),
    packet,
  ]);
  return Uint8Array.from([mode, seed, ...parts.flatMap((part) => [...part])]);
}

const SYN_OPTIONS: TcpOptions = {
  mss: 1460,
  sackPermitted: true,
  windowScale: 7,
  timestamps: { value: 5000, echo: 0 },
};
const OPTIONS: TcpOptions = { timestamps: { value: 5001, echo: 77 } };

/** What both ends send in a connection of that index: SYN, data, FIN, RST, and the server's answer. */
function packetsOf({ client, vip, handoff, service }: Family, role: Role, index: number) {
  const parts = (more: Partial<PacketParts>): Uint8Array =>
    buildPacket({
      source: client,
      sourcePort: FIRST_PORT + index,
      destination: role === 'agent' ? handoff : vip,
      destinationPort: 80,
      sequence: 1001,
      acknowledgment: 2001,
      window: 500,
      flags: TCP_ACK,
      ...more,
    });
  return {
    syn: parts({ flags: TCP_SYN, sequence: 5000, options: SYN_OPTIONS }),
    data: parts({ payload: new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n') }),
    fin: parts({ flags: TCP_ACK | TCP_FIN, options: OPTIONS }),
    reset: parts({ flags: TCP_RST }),
    back: parts({
      source: service,
      sourcePort: 80,
      destination: client,
      destinationPort: FIRST_PORT + index,
      options: OPTIONS,
    }),
  };
}

/** Packets to each connection of a memory image, and to one that it has not. */
export function packetsTo(role: Role): Uint8Array[] {
  const indexes = Array.from({ length: STATES[role].length + 1 }, (_, index) => index);
  return FAMILIES.flatMap((family) =>
    indexes.flatMap((index) => Object.values(packetsOf(family, role, index))),
  );
}

/** Packets to each state of both roles, alone and in sequences. */
export function packetSeeds(): Uint8Array[] {
  const seeds: Uint8Array[] = [];
  for (const family of FAMILIES) {
    for (const [agent, role] of (['switch', 'agent'] as const).entries()) {
      for (let index = 0; index < 6; index += 1) {
        const packets = packetsOf(family, role, index);
        const { syn, data, fin, back } = packets;
        const mode = MODES[index % MODES.length]! | agent;
        seeds.push(input(mode, index << 4, [syn, data, fin]), input(mode, 0, [back, fin]));
        for (const packet of Object.values(packets)) seeds.push(input(agent, index, [packet]));
        seeds.push(input(8 | agent, index, [data]));
      }
    }
  }
  return seeds;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export const HEAD_SEEDS: Uint8Array[] = [
  'GET / HTTP/1.0\r\n\r\n',
  'GET /a/%62?c=d&e HTTP/1.1\r\nHost: a.example:80\r\nCookie: a=b; c=d\r\n\r\n',
  'POST /x HTTP/1.1\r\nHost: [2001:db8::1]\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'PUT http://a.example/p;q HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n',
  '\r\nHEAD /../a//b/./ HTTP/1.1\nHost: a.example.\nConnection: keep-alive\n\n',
  'GET / HTTP/1.1\r\nHost: a\r\n folded\r\nX : y\r\n\r\n',
].map(encode);

export const COOKIE_SEEDS: Uint8Array[] = [
  Uint8Array.from({ length: 56 }, (_, index) => index * 7),
  new Uint8Array(56),
];

/** A record with a ClientHello: TLS 1.2 with a session id, SNI, ALPN and a ticket. */
function clientHello(name: string, protocols: string[], ticket: number): Uint8Array {
  const u16 = (value: number): number[] => [value >> 8, value & 0xff];
  const sized = (bytes: number[]): number[] => [...u16(bytes.length), ...bytes];
  const extension = (type: number, bytes: number[]): number[] => [...u16(type), ...sized(bytes)];
  const names = sized([0, ...sized([...encode(name)])]);
  const alpn = protocols.flatMap((protocol) => [protocol.length, ...encode(protocol)]);
  const extensions = [
    ...extension(0x0a0a, []),
    ...extension(0, names),
    ...extension(16, sized(alpn)),
    ...extension(
      35,
      Array.from({ length: ticket }, (_, index) => index),
    ),
    ...extension(43, [4, 3, 4, 3, 3]),
  ];
  const random = Array.from({ length: 32 }, (_, index) => index);
  const ciphers = sized([0x13, 1, 0xc0, 0x2f]);
  const body = [3, 3, ...random, 32, ...random, ...ciphers, 1, 0, ...sized(extensions)];
  return Uint8Array.from([22, 3, 1, ...sized([1, 0, ...sized(body)])]);
}

export const HELLO_SEEDS: Uint8Array[] = [
  clientHello('a.example', ['h2', 'http/1.1'], 0),
  clientHello('A.B.example.', ['http/1.1'], 100),
];
