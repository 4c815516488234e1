import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { HEADS_LIMIT } from '../../../src/agent/cookie-watch.ts';
import type { Message } from '../../../src/channel/messages.ts';
import { AgentRig, ID } from '../../support/agent-rig.ts';
import { makeHandoff, readAll } from '../../support/server-kernel.ts';

const test = suite('cookies');
const encoder = new TextEncoder();

async function serving(cookie: string): Promise<AgentRig> {
  const rig = await AgentRig.make();
  rig.up();
  rig.message(makeHandoff({ cookie })).settle();
  rig.message({ type: 'confirm', ids: [ID] });
  rig.takeMessages();
  rig.takeToClient();
  return rig;
}

function isWatched(rig: AgentRig): boolean {
  return (rig.connections.flags(rig.entries[0]!) & L.FLAG_WATCHED) !== 0;
}

/** The server sends that; the client acknowledges it. Returns what it got. */
function say(rig: AgentRig, text: string): string {
  rig.server.sockets[0]!.send(encoder.encode(text));
  rig.settle().pass(1);
  const segments = readAll(rig.takeToClient());
  return segments.map(({ payload }) => new TextDecoder().decode(payload)).join('');
}

function told(rig: AgentRig, pair: string): Message {
  const bytes = encoder.encode(pair);
  rig.connections.writeBuffer(bytes);
  return { type: 'session', id: ID, key: rig.core.hashTarget(L.CONTROL_BUFFER, bytes.length) };
}

const head = (...fields: string[]) => ['HTTP/1.1 200 OK', ...fields, '', ''].join('\r\n');

test('cookies: the giver is told what the response sets, and the client gets every byte', async () => {
  const rig = await serving('sid');
  const response = `${head('Set-Cookie: other=1', 'Set-Cookie: sid=abc; Path=/')}body`;
  assert.is(say(rig, response), response);
  assert.equal(rig.takeMessages(), [told(rig, 'sid=abc')]);
  assert.ok(isWatched(rig));
});

test('cookies: a handoff that names none is not watched, nor is another cookie told', async () => {
  const plain = await serving('');
  assert.not(isWatched(plain));
  say(plain, head('Set-Cookie: sid=abc'));
  assert.equal(plain.takeMessages(), []);
  const other = await serving('other');
  say(other, head('Set-Cookie: sid=abc'));
  assert.equal(other.takeMessages(), []);
});

test('cookies: later responses of the connection are seen, bodies are not, and it ends', async () => {
  const rig = await serving('sid');
  say(rig, head());
  say(rig, 'Set-Cookie: sid=body\r\n\r\n');
  for (let count = 1; count < HEADS_LIMIT; count += 1) {
    assert.ok(isWatched(rig));
    say(rig, head(`Set-Cookie: sid=v${count}`));
    assert.equal(rig.takeMessages(), [told(rig, `sid=v${count}`)]);
  }
  assert.not(isWatched(rig));
  say(rig, head('Set-Cookie: sid=late'));
  assert.equal(rig.takeMessages(), []);
});

test('cookies: of a packet longer than a head may be, the beginning is read', async () => {
  const rig = await serving('sid');
  const [entry] = rig.entries;
  const begin = encoder.encode(head('Set-Cookie: sid=long'));
  const socket = rig.server.sockets[0]!;
  socket.send(begin);
  const [segment] = rig.server.take();
  const packet = new Uint8Array(60_000).fill(65);
  packet.set(segment!);
  packet[2] = packet.length >> 8;
  packet[3] = packet.length & 255;
  rig.device.arrive(packet);
  rig.settle();
  assert.is(rig.connections.state(entry!), L.STATE_FORWARD);
  assert.equal(rig.takeMessages(), [told(rig, 'sid=long')]);
});

test.run();
