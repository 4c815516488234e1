// ICMP errors through the fast path: what leaves is what the sender would have written, had it known the
// connection under the receiver's addresses and numbers.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK } from '../../assembly/wire/tcp.ts';
import { VNET_FLAGS } from '../../assembly/wire/vnet.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { CoreHost, type Outcome } from '../support/core-host.ts';
import { buildError, completeIcmp, type ErrorParts } from '../support/icmp-packets.ts';
import { Random } from '../../src/lab/random.ts';
import { word } from '../support/rewrite-model.ts';

const icmp = suite('icmp');
const ID = { run: 31, counter: 32 };
const NOW = 7_000;
const ROUNDS = 1500;
const TYPES = { IPv4: [3, 11, 12], IPv6: [1, 3, 4] };
const TOO_BIG = { IPv4: { type: 3, code: 4, rest: 1400 }, IPv6: { type: 2, code: 0, rest: 1400 } };

type Family = keyof typeof TYPES;
type Role = 'switch' | 'agent';

interface Path {
  client: Uint8Array;
  clientPort: number;
  /** where the client's packets come to */
  local: Uint8Array;
  localPort: number;
  /** where they go on to */
  server: Uint8Array;
  serverPort: number;
  vip: Uint8Array;
  vipPort: number;
  delta: number;
}

function address(random: Random, family: Family): Uint8Array {
  const bytes = new Uint8Array(family === 'IPv6' ? 16 : 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) view.setUint32(at, word(random));
  return bytes;
}

function randomPath(random: Random, family: Family): Path {
  return {
    client: address(random, family),
    clientPort: word(random) & 0xffff,
    local: address(random, family),
    localPort: word(random) & 0xffff,
    server: address(random, family),
    serverPort: (word(random) & 0xffff) | 1,
    vip: address(random, family),
    vipPort: word(random) & 0xffff,
    delta: word(random),
  };
}

function insert(host: CoreHost, path: Path, state: number): number {
  host.connections
    .template()
    .key(path)
    .server(path.server, path.serverPort)
    .vip(path.vip, path.vipPort)
    .entry32(L.ENTRY_SEQUENCE_DELTA, path.delta)
    .state(state)
    .id(ID)
    .created(NOW);
  return host.core.insert(host.owner, L.CONTROL_TEMPLATE);
}

function remove(host: CoreHost, entry: number): void {
  assert.is(host.core.remove(host.owner, entry, ID.run, ID.counter), 1);
}

/** The server's packet that some router could not send on. */
function reply(path: Path, random: Random): PacketParts {
  return {
    source: path.local,
    sourcePort: path.localPort,
    destination: path.client,
    destinationPort: path.clientPort,
    sequence: word(random),
    acknowledgment: word(random),
    flags: TCP_ACK,
    options: { timestamps: { value: word(random), echo: word(random) } },
    payload: random.bytes(random.between(1380, 1448)),
    hops: random.between(1, 255),
  };
}

/** What the error must become; the quoted packet with the numbers of the receiver. */
function translated(error: ErrorParts, path: Path, role: Role): Uint8Array {
  const { about } = error;
  const sequence = (about.sequence + (role === 'agent' ? path.delta : 0)) >>> 0;
  const { server: source, serverPort: sourcePort } = path;
  const sent = { ...about, source, sourcePort, sequence };
  if (role === 'agent') return buildError({ ...error, about: sent, source: path.vip });
  return buildError({ ...error, about: sent, source: path.local, hops: 64 });
}

function randomError(random: Random, family: Family, path: Path): ErrorParts {
  const about = reply(path, random);
  const least = family === 'IPv6' ? 48 : 28;
  const extra = random.pick([0, 0, random.below(30), random.below(1200)]);
  const error = {
    source: address(random, family),
    hops: random.between(1, 255),
    about,
    // without, with and behind the TCP checksum, and odd lengths; half of a checksum is no checksum
    length: least + (extra === 9 ? 10 : extra),
  };
  if (random.chance(0.5)) return { ...error, ...TOO_BIG[family] };
  return { ...error, type: random.pick(TYPES[family]), code: random.below(4), rest: word(random) };
}

function expectDrop(outcome: Outcome, reason: number): void {
  assert.equal([outcome.verdict, outcome.reason], [V.VERDICT_DROP, reason]);
}

const hostOf = (role: Role, table: 'keyed' | 'paper' = 'keyed') =>
  CoreHost.create({ role, table }, 'single');

for (const family of ['IPv4', 'IPv6'] as const) {
  for (const role of ['switch', 'agent'] as const) {
    icmp(`${family}, ${role}: random errors leave as a full recomputation has them`, async () => {
      const random = new Random(5);
      const hosts = [await hostOf(role), await hostOf(role, 'paper')];
      for (let round = 0; round < ROUNDS; round += 1) {
        const host = hosts[round % 2]!;
        const path = randomPath(random, family);
        const error = randomError(random, family, path);
        // the server's host is a router, too: of packets that came out of the agent
        if (role === 'agent' && round % 5 === 0) {
          error.about = { ...error.about, source: path.vip, sourcePort: path.vipPort };
        }
        const entry = insert(host, path, L.STATE_FORWARD);
        const packet = buildError(error);
        const held = round % 3 === 0;
        const outcome = held ? host.forwardHeld(packet, entry, NOW) : host.forward(packet, NOW);
        assert.is(outcome.verdict, V.VERDICT_FORWARD, `${round}: reason ${outcome.reason}`);
        const wanted = translated(error, path, role);
        assert.is(Buffer.compare(outcome.packet, wanted), 0, `${round}: bytes differ`);
        remove(host, entry);
      }
      assert.is(hosts[0]!.counter(V.COUNTER_ICMP_ERRORS), ROUNDS / 2);
    });
  }
}

async function setUp(family: Family, role: Role, state: number) {
  const random = new Random(9);
  const host = await hostOf(role);
  const path = randomPath(random, family);
  const entry = insert(host, path, state);
  const about = reply(path, random);
  const source = address(random, family);
  const error: ErrorParts = { ...TOO_BIG[family], source, about, length: 100 };
  return { host, path, entry, error, random };
}

for (const family of ['IPv4', 'IPv6'] as const) {
  const at = family === 'IPv6' ? 40 : 20;

  icmp(`${family}: an error of which a byte was changed is dropped, whichever`, async () => {
    const { host, error } = await setUp(family, 'switch', L.STATE_FORWARD);
    const packet = buildError(error);
    for (let byte = at; byte < packet.length; byte += 1) {
      const changed = packet.slice();
      changed[byte]! ^= 0x10;
      assert.is(host.forward(changed, NOW).verdict, V.VERDICT_DROP, `byte ${byte}`);
    }
    expectDrop(host.forward(packet.slice(0, at + 7), NOW), V.DROP_TOO_SHORT);
  });

  icmp(`${family}: an error whose quoted packet cannot be ours is dropped`, async () => {
    const { host, error } = await setUp(family, 'switch', L.STATE_FORWARD);
    const quoted = at + 8;
    const changes: [string, number, number][] = [
      ['version', quoted, family === 'IPv6' ? 0x45 : 0x60],
      ['protocol', quoted + (family === 'IPv6' ? 6 : 9), 17],
      ['source', quoted + (family === 'IPv6' ? 23 : 15), 0x5a],
      ...(family === 'IPv4'
        ? ([
            ['options', quoted, 0x46],
            ['a later fragment', quoted + 7, 1],
          ] as [string, number, number][])
        : []),
    ];
    for (const [what, byte, value] of changes) {
      const packet = buildError(error);
      packet[byte] = value;
      completeIcmp(packet);
      const outcome = host.forward(packet, NOW);
      assert.equal([outcome.verdict, outcome.reason], [V.VERDICT_DROP, V.DROP_ICMP_QUOTE], what);
    }
    const least = at + 8;
    const short = buildError({ ...error, length: least - 1 });
    expectDrop(host.forward(short, NOW), V.DROP_ICMP_QUOTE);
    assert.is(
      host.forward(buildError({ ...error, length: least }), NOW).verdict,
      V.VERDICT_FORWARD,
    );
  });

  icmp(`${family}: an MTU that cannot be is dropped (RFC 1191, RFC 8201, RFC 5927)`, async () => {
    const { host, error } = await setUp(family, 'switch', L.STATE_FORWARD);
    const { length } = buildError({ ...error, length: 65_535 });
    const least = family === 'IPv6' ? 1280 : 68;
    const size = length - at - 8;
    const verdict = (rest: number) => host.forward(buildError({ ...error, rest }), NOW).verdict;
    for (const mtu of [1, least - 1, size, size + 1, 0xffff]) {
      assert.is(verdict(mtu), V.VERDICT_DROP, String(mtu));
    }
    for (const mtu of [least, size - 1]) assert.is(verdict(mtu), V.VERDICT_FORWARD, String(mtu));
    // a router from before RFC 1191 says nothing
    assert.is(verdict(0), family === 'IPv6' ? V.VERDICT_DROP : V.VERDICT_FORWARD);
  });

  icmp(`${family}: other messages are dropped by name, an unknown connection's too`, async () => {
    const { host, error, entry } = await setUp(family, 'switch', L.STATE_FORWARD);
    const others = family === 'IPv6' ? [129, 133, 135, 137, 0, 5] : [0, 4, 5, 9, 13, 17];
    for (const type of others) {
      expectDrop(host.forward(buildError({ ...error, type }), NOW), V.DROP_ICMP_TYPE);
    }
    remove(host, entry);
    expectDrop(host.forward(buildError(error), NOW), V.DROP_NO_ENTRY);
    assert.is(host.counted(), host.counter(V.COUNTER_RECEIVED));
  });

  icmp(
    `${family}: what the device left to compute is not taken, what leaves is whole`,
    async () => {
      const { host, error } = await setUp(family, 'switch', L.STATE_FORWARD);
      const slot = host.put(0, buildError(error));
      const vnet = slot + L.SLOT_VNET;
      host.core.bytes[vnet + VNET_FLAGS] = 1;
      assert.is(host.core.forward(0, 1, NOW), 0);
      host.put(0, buildError(error));
      host.core.bytes[vnet + VNET_FLAGS] = 2; // "checksum is known to be right"
      assert.is(host.core.forward(0, 1, NOW), 1);
      assert.is(host.core.bytes[vnet + VNET_FLAGS], 0);
    },
  );

  icmp(
    `${family}: errors reach a server that sends, and control before the switch knows`,
    async () => {
      const forwarded = [L.STATE_FORWARD];
      const queued = { switch: [L.STATE_HELD, L.STATE_DRAINING], agent: [L.STATE_DRAINING] };
      const last = L.STATE_CLOSED;
      for (const role of ['switch', 'agent'] as const) {
        for (let state = L.STATE_GATHERING; state <= last; state += 1) {
          const { host, error, entry } = await setUp(family, role, state);
          const outcome = host.forward(buildError(error), NOW);
          const what = `${role}, state ${state}`;
          if (forwarded.includes(state)) assert.is(outcome.verdict, V.VERDICT_FORWARD, what);
          else if (queued[role].includes(state)) {
            assert.is(outcome.verdict, V.VERDICT_TO_CONTROL, what);
            assert.is(host.connections.record32(entry, L.RECORD_HELD_COUNT), 1);
            assert.is(host.queued().length, 1);
          } else expectDrop(outcome, V.DROP_ICMP_STATE);
        }
      }
    },
  );

  icmp(
    `${family}: a second has so many errors about one connection, the next as many`,
    async () => {
      const { host, error, random } = await setUp(family, 'switch', L.STATE_FORWARD);
      const passed = (nowMs: number) => {
        let count = 0;
        for (let i = 0; i < 100; i += 1) {
          const outcome = host.forward(buildError(error), nowMs);
          if (outcome.verdict === V.VERDICT_FORWARD) count += 1;
          else expectDrop(outcome, V.DROP_ICMP_LIMIT);
        }
        return count;
      };
      assert.is(passed(NOW), 16);
      assert.is(passed(NOW + 1000), 16);
      const other = randomPath(random, family);
      insert(host, other, L.STATE_FORWARD);
      const about = reply(other, random);
      const outcome = host.forward(buildError({ ...error, about }), NOW + 1000);
      assert.is(outcome.verdict, V.VERDICT_FORWARD);
    },
  );
}

icmp.run();
