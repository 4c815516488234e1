import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../assembly/wire/tcp.ts';
import type { Message, Release } from '../../../src/channel/messages.ts';
import { advance } from '../../../src/packet/sequence.ts';
import { AFTER_REQUEST, AgentRig, ID, TUPLE, switchHello } from '../../support/agent-rig.ts';
import type { RigOptions } from '../../support/agent-rig.ts';
import { REQUEST, makeHandoff, read, readAll } from '../../support/server-kernel.ts';

const releases = suite('agent, releases');
const FIRST = 5001;
const BODY = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function asking(changes: Partial<Release> = {}): Release {
  const asked = { sequence: AFTER_REQUEST, acknowledgment: FIRST, requests: 1, waits: false };
  return { type: 'release', id: ID, tuple: TUPLE, ...asked, ...changes };
}

/** A connection each of whose requests is dispatched, ready and confirmed. */
async function rigOf(options: RigOptions & { isHead?: boolean } = {}): Promise<AgentRig> {
  const rig = await AgentRig.make(options);
  rig.up();
  const requests = { next: AFTER_REQUEST, isHead: options.isHead ?? false };
  rig.message(makeHandoff({ requests })).settle();
  rig.message({ type: 'confirm', ids: [ID] });
  rig.takeMessages();
  rig.takeToClient();
  rig.server.text();
  return rig;
}

/** The server says it; returns what the client must acknowledge then. */
function say(rig: AgentRig, text: string): number {
  rig.server.sockets.at(-1)!.send(bytes(text));
  rig.settle();
  const last = readAll(rig.takeToClient()).at(-1)!;
  return advance(last.sequence, last.payload.length);
}

function acknowledge(rig: AgentRig, acknowledgment: number): void {
  rig.fromClient({ sequence: AFTER_REQUEST, acknowledgment, flags: TCP_ACK }).settle();
}

function ask(rig: AgentRig, release: Release): Message[] {
  rig.message(release).settle();
  return rig.takeMessages();
}

const busy = (reason: string) => [{ type: 'busy', id: ID, reason }];

releases('an answered connection is given back, and its kernel forgets it silently', async () => {
  const rig = await rigOf();
  const next = say(rig, BODY);
  assert.is(next, FIRST + BODY.length);
  const messages = ask(rig, asking({ acknowledgment: next }));
  const [released] = messages as { type: string; next: number; timestamp: number }[];
  assert.is(messages.length, 1);
  assert.is(released!.type, 'released');
  assert.is(released!.next, next);
  assert.ok(released!.timestamp >= 2222);
  assert.is(rig.server.sockets[0]!.state, 'CLOSED');
  assert.equal(rig.takeToClient(), []);
  assert.is(rig.agent.stats().open, 0);
  rig.pass(2300);
  assert.equal(rig.takeMessages(), messages, 'repeated until it is confirmed');
  rig.message({ type: 'confirm', ids: [ID], of: 'released' });
  rig.pass(10_000);
  assert.equal(rig.takeMessages(), []);
  assert.is(rig.entries.length, 0);
});

releases('no answer yet, half of one, and one that is not acknowledged keep it', async () => {
  const rig = await rigOf();
  assert.equal(ask(rig, asking()), busy('later'), 'a slow response has not begun');
  const half = say(rig, BODY.slice(0, -1));
  acknowledge(rig, half);
  assert.equal(ask(rig, asking({ acknowledgment: half })), busy('later'));
  const whole = say(rig, BODY.slice(-1));
  assert.equal(ask(rig, asking({ acknowledgment: half })), busy('later'));
  acknowledge(rig, whole);
  assert.equal(ask(rig, asking({ requests: 2 })), busy('later'), 'two requests, one answer');
  const more = { sequence: advance(AFTER_REQUEST, 10) };
  assert.equal(ask(rig, asking(more)), busy('later'), 'bytes of the request are on their way');
  assert.is(ask(rig, asking())[0]!.type, 'released');
});

releases('who waits is told with the last acknowledgment', async () => {
  const rig = await rigOf();
  assert.equal(ask(rig, asking({ waits: true })), []);
  // its next request is with the switch: acknowledgments come from behind it
  const behind = { sequence: advance(AFTER_REQUEST, 40), acknowledgment: FIRST, flags: TCP_ACK };
  rig.fromClient(behind).settle();
  const next = say(rig, `HTTP/1.1 103 Early Hints\r\n\r\n${BODY}`);
  assert.equal(rig.takeMessages(), []);
  acknowledge(rig, next);
  assert.equal(
    rig.takeMessages().map(({ type }) => type),
    ['released'],
  );
});

releases('where no end can be seen it stays for ever', async () => {
  for (const [text, reason] of [
    ['HTTP/1.1 200 OK\r\n\r\nhello', 'never'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello', 'never'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 'upgraded'],
  ] as const) {
    const rig = await rigOf();
    acknowledge(rig, say(rig, text));
    assert.equal(ask(rig, asking({ waits: true })), busy(reason));
  }
});

releases('after HEAD a length is no body', async () => {
  const rig = await rigOf({ isHead: true });
  const next = say(rig, BODY.slice(0, -5));
  assert.is(ask(rig, asking({ acknowledgment: next }))[0]!.type, 'released');
});

releases('a FIN, another id, another giver: it is not given back', async () => {
  const rig = await rigOf();
  const next = say(rig, BODY);
  assert.equal(
    ask(rig, asking({ id: { run: 7, counter: 2 } })).map((each) => 'reason' in each && each.reason),
    ['unknown'],
  );
  rig.up(switchHello({ name: 'other' }), 'other');
  rig.takeMessages();
  rig.message(asking({ acknowledgment: next }), 'other').settle();
  assert.equal(rig.takeMessages(), busy('unknown'));
  rig.server.sockets[0]!.close();
  rig.settle();
  assert.ok(readAll(rig.takeToClient()).some(({ flags }) => (flags & TCP_FIN) !== 0));
  assert.equal(ask(rig, asking({ acknowledgment: next, waits: true })), busy('ending'));
});

releases('what still comes for a released connection goes nowhere; it may come back', async () => {
  const rig = await rigOf();
  const next = say(rig, BODY);
  ask(rig, asking({ acknowledgment: next }));
  rig.fromClient({
    sequence: AFTER_REQUEST,
    acknowledgment: next,
    flags: TCP_ACK,
    payload: REQUEST,
  });
  rig.settle();
  assert.equal(rig.takeToClient(), []);
  assert.is(rig.server.sockets.length, 1);
  const id = { run: 7, counter: 9 };
  const again = {
    id,
    clientIsn: advance(AFTER_REQUEST, -1),
    switchIsn: advance(next, -1),
    switchNext: next,
    requests: { next: advance(AFTER_REQUEST, REQUEST.length), isHead: false },
  };
  rig.message(makeHandoff(again)).settle();
  assert.equal(
    rig.takeMessages().map(({ type }) => type),
    ['ready'],
  );
  rig.takeToClient();
  rig.server.sockets.at(-1)!.send(bytes(BODY));
  rig.settle();
  const [first] = readAll(rig.takeToClient());
  assert.is(first!.sequence, next, 'the stream goes on where it was');
  assert.ok((first!.flags & TCP_RST) === 0);
});

releases('a gap in what the server sends is not passed over unless it lies in a body', async () => {
  const rig = await rigOf();
  const long = 3000;
  const text = `HTTP/1.1 200 OK\r\nContent-Length: ${long}\r\n\r\n${'x'.repeat(long)}`;
  rig.server.sockets[0]!.send(bytes(text));
  const packets = rig.server.take();
  assert.ok(packets.length >= 3);
  rig.device.arrive(packets[1]!);
  rig.settle();
  assert.equal(rig.takeToClient(), [], 'the head has not been seen');
  rig.device.arrive(packets[0]!);
  rig.device.arrive(packets[2]!);
  rig.settle();
  assert.is(rig.takeToClient().length, 2);
  const entry = rig.entries[0]!;
  assert.is(rig.connections.record32(entry, L.RECORD_RESPONSES), 1);
  rig.device.arrive(packets[1]!);
  rig.settle();
  assert.is(read(rig.takeToClient()[0]!).payload.length > 0, true);
  assert.is(rig.connections.record32(entry, L.RECORD_RESPONSES), 1);
});

releases('a switch that comes back hears where the next request begins', async () => {
  const rig = await rigOf();
  acknowledge(rig, say(rig, BODY));
  const told = () => {
    rig.down().up();
    return rig.takeMessages().filter(({ type }) => type === 'requests');
  };
  const agreed = { mss: 1460, clientScale: 7, switchScale: 7, sack: true, timestamps: true };
  const first = { type: 'requests', id: ID, tuple: TUPLE, count: 1, next: AFTER_REQUEST, agreed };
  assert.equal(told(), [first]);
  rig.fromClient({
    sequence: AFTER_REQUEST,
    flags: TCP_ACK,
    acknowledgment: FIRST,
    payload: REQUEST,
  });
  rig.settle();
  assert.equal(told(), [], 'more has come than was told');
  const second = { ...first, count: 2, next: advance(AFTER_REQUEST, REQUEST.length) } as const;
  rig.message({ ...second, type: 'requests' });
  assert.equal(told(), [second]);
});

releases.run();
