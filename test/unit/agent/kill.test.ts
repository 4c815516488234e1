import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_RST } from '../../../assembly/wire/tcp.ts';
import { Kill } from '../../../src/agent/kill.ts';
import { advance } from '../../../src/packet/sequence.ts';
import {
  CLIENT_PORT,
  ENDS,
  REQUEST,
  ServerKernel,
  openPlainly,
  read,
  readAll,
} from '../../support/server-kernel.ts';

const kills = suite('kill');
const ISN = 0xfffffff0;

/** A kernel with one connection that received the request. */
function openServer(): ServerKernel {
  const server = new ServerKernel();
  openPlainly(server, CLIENT_PORT, ISN);
  server.take();
  return server;
}

/** Packets go to and fro until nothing moves; returns what the kernel sent. */
function carry(server: ServerKernel, kill: Kill, packets: Uint8Array[]): Uint8Array[] {
  const seen: Uint8Array[] = [];
  for (let sending = packets; sending.length > 0;) {
    for (const packet of sending) server.kernel.receive(packet);
    const answers = server.take();
    seen.push(...answers);
    sending = answers.flatMap((answer) => (kill.over ? [] : kill.fromKernel(read(answer))));
  }
  return seen;
}

kills('a right guess ends the socket, and the kernel confirms it', () => {
  const server = openServer();
  const kill = new Kill(ENDS, ISN, [advance(ISN, 1 + REQUEST.length)]);
  carry(server, kill, kill.start(server.clock.nowMs));
  assert.is(server.kernel.openSockets, 0);
  assert.ok(kill.confirmed);
});

kills('a wrong guess: the kernel tells its number, and that one ends it', () => {
  for (const guess of [ISN, advance(ISN, 5000), advance(ISN, 0x7000_0000)]) {
    const server = openServer();
    const kill = new Kill(ENDS, ISN, [guess]);
    carry(server, kill, kill.start(server.clock.nowMs));
    assert.is(server.kernel.openSockets, 0);
    assert.ok(kill.confirmed);
    assert.is(kill.acknowledged, REQUEST.length);
  }
});

kills('the server application is told, the client would have got no reset before', () => {
  const server = openServer();
  const failures: string[] = [];
  server.sockets[0]!.events = { failed: (reason) => void failures.push(reason) };
  const kill = new Kill(ENDS, ISN, []);
  carry(server, kill, kill.start(server.clock.nowMs));
  assert.is(failures.length, 1);
});

kills('nothing there: the first answer is a reset', () => {
  const server = new ServerKernel();
  const kill = new Kill(ENDS, ISN, []);
  const seen = carry(server, kill, kill.start(server.clock.nowMs));
  assert.ok(readAll(seen).every(({ flags }) => (flags & TCP_RST) !== 0));
  assert.ok(kill.confirmed);
  assert.is(kill.acknowledged, 0);
});

kills('only the first probe tells that nothing was there before the resets', () => {
  const server = new ServerKernel();
  const kill = new Kill(ENDS, ISN, []);
  const [before, after] = kill.start(server.clock.nowMs);
  server.kernel.receive(after!);
  kill.fromKernel(read(server.take()[0]!));
  assert.ok(kill.confirmed);
  assert.is(kill.known, false, 'what was there may have been reset by us');
  server.kernel.receive(before!);
  kill.fromKernel(read(server.take()[0]!));
  assert.ok(kill.known);
});

kills('a kernel that does not answer is asked four times, then it is over, unconfirmed', () => {
  const kill = new Kill(ENDS, ISN, [1]);
  let probes = kill.start(0).length;
  for (let nowMs = 20; !kill.over; nowMs += 20) {
    probes += kill.time(nowMs).length;
    assert.ok(nowMs < 5000);
  }
  assert.is(probes, 12);
  assert.is(kill.confirmed, false);
});

kills.run();
