import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { Replay } from '../../../src/agent/replay.ts';
import type { ReplayOutcome } from '../../../src/agent/replay.ts';
import { resetSegment } from '../../../src/agent/segments.ts';
import { advance } from '../../../src/packet/sequence.ts';
import {
  CLIENT_PORT,
  ENDS,
  REQUEST,
  ServerKernel,
  fromClient,
  fromKernel,
  makeHandoff,
  openPlainly,
  read,
  readAll,
} from '../../support/server-kernel.ts';
import type { ServerOptions } from '../../support/server-kernel.ts';

const replays = suite('replay');

/** Carries packets between a replay and a simulated kernel and notes what the client must get. */
class Run {
  readonly server: ServerKernel;
  readonly replay: Replay;
  readonly injected: Uint8Array[] = [];
  readonly kept: Uint8Array[] = [];
  readonly fromKernel: Uint8Array[] = [];
  outcome: ReplayOutcome = 'pending';
  /** drops what this says, to test repetition */
  loses: (packet: Uint8Array) => boolean = () => false;

  constructor(options: ServerOptions = {}, changes: Parameters<typeof makeHandoff>[0] = {}) {
    this.server = new ServerKernel(options);
    const deadlineMs = this.server.clock.nowMs + 800;
    this.replay = new Replay(ENDS, makeHandoff(changes), deadlineMs);
  }

  get nowMs(): number {
    return this.server.clock.nowMs;
  }

  inject(packets: Uint8Array[]): void {
    for (const packet of packets) {
      this.injected.push(packet);
      if (!this.loses(packet)) this.server.kernel.receive(packet);
    }
  }

  /** All packets that are on their way. */
  settle(): this {
    for (let batch = this.server.take(); batch.length > 0; batch = this.server.take()) {
      for (const packet of batch) {
        this.fromKernel.push(packet);
        if (this.outcome !== 'pending') this.kept.push(packet);
        if (this.outcome !== 'pending') continue;
        const step = this.replay.fromKernel(read(packet), this.nowMs);
        if (step.keep) this.kept.push(packet);
        this.outcome = step.outcome;
        this.inject(step.packets);
      }
    }
    return this;
  }

  start(): this {
    this.inject(this.replay.start(this.nowMs));
    return this.settle();
  }

  /** Time passes in steps of 20 ms. */
  pass(ms: number): this {
    const until = this.nowMs + ms;
    while (this.outcome === 'pending' && this.nowMs < until) {
      this.server.clock.runUntil(this.nowMs + 20);
      const step = this.replay.time(this.nowMs);
      this.outcome = step.outcome;
      this.inject(step.packets);
      this.settle();
    }
    return this;
  }
}

replays('a server gets the request and the client its acknowledgment', () => {
  const run = new Run().start();
  assert.is(run.outcome, 'ready');
  assert.is(run.server.text(), new TextDecoder().decode(REQUEST));
  assert.is(run.kept.length, 1);
  const acknowledgment = read(run.kept[0]!);
  assert.is(acknowledgment.acknowledgment, advance(0xffffff01, REQUEST.length));
  assert.is(acknowledgment.sequence, advance(run.replay.kernel!.isn, 1));
});

replays('the SYN goes twice, and the second SYN-ACK is swallowed', () => {
  const run = new Run().start();
  const sent = readAll(run.injected);
  assert.equal(
    sent.map(({ flags }) => flags),
    [TCP_SYN, TCP_SYN, TCP_ACK, TCP_ACK | TCP_PSH],
  );
  const synAcks = readAll(run.fromKernel).filter(({ flags }) => (flags & TCP_SYN) !== 0);
  assert.is(synAcks.length, 2);
  assert.is(readAll(run.kept).filter(({ flags }) => (flags & TCP_SYN) !== 0).length, 0);
});

replays('the kernel takes no round trip time from a replayed handshake', () => {
  const run = new Run().start();
  for (const { options } of readAll(run.injected)) assert.is(options.timestamps?.echo, 0);
  assert.is(run.server.sockets[0]!.sender.roundTrip.minMs, Infinity);
});

replays('the SYN repeats the client: number, MSS, options, window in bytes', () => {
  const [syn] = readAll(new Run().start().injected);
  assert.is(syn!.sequence, 0xffffff00);
  assert.is(syn!.window, 502 * 128);
  assert.equal(syn!.options, {
    mss: 1460,
    sackPermitted: true,
    timestamps: { value: 1111, echo: 0 },
    windowScale: 7,
  });
  const wide = readAll(new Run({}, { window: 60000 }).start().injected);
  assert.is(wide[0]!.window, 65535);
});

replays('a client without options is replayed without options', () => {
  const plain = { sack: false, timestamps: false, clientScale: 15, mss: 536, window: 8000 };
  const run = new Run({}, plain).start();
  assert.is(run.outcome, 'ready');
  const [syn, , ack] = readAll(run.injected);
  assert.equal(syn!.options, { mss: 536 });
  assert.equal(ack!.options, {});
  assert.is(ack!.window, 8000);
  assert.equal(run.replay.kernel, {
    isn: run.replay.kernel!.isn,
    scales: false,
    scale: 0,
    timestamp: null,
  });
});

replays('a kernel that does not scale gets windows in bytes', () => {
  const run = new Run({ scale: -1 }).start();
  assert.is(run.outcome, 'ready');
  assert.is(read(run.injected[2]!).window, 502 * 128);
  assert.is(run.replay.kernel!.scale, 0);
});

replays('a long head goes in segments that the kernel takes', () => {
  const bytes = new Uint8Array(16000).fill(65);
  const run = new Run({}, { bytes }).start();
  assert.is(run.outcome, 'ready');
  assert.is(run.server.text().length, 16000);
  for (const { payload } of readAll(run.injected)) assert.ok(payload.length <= 1400);
});

replays('no SYN-ACK: the pair of SYNs is repeated after 200 ms', () => {
  const run = new Run();
  run.loses = () => run.nowMs < 10_100;
  run.start().pass(180);
  assert.is(run.injected.length, 2);
  run.pass(40);
  assert.is(run.outcome, 'ready');
});

replays('a full accept queue: SYN-ACKs come, the data are repeated until they are taken', () => {
  const run = new Run({ backlog: 1, accepts: false });
  const { server } = run;
  openPlainly(server, 1001, 1);
  server.take();
  run.inject(run.replay.start(run.nowMs));
  const answers = server.take();
  openPlainly(server, 1002, 1); // between SYN-ACK and data
  server.sent = answers;
  run.settle().pass(300);
  assert.is(run.outcome, 'pending');
  assert.ok(server.listener.overflows >= 3);
  server.accept();
  run.pass(100);
  assert.is(run.outcome, 'ready');
  server.accept();
  assert.is(server.text(), new TextDecoder().decode(REQUEST));
});

replays('data that the kernel drops is repeated every 100 ms, then acknowledged', () => {
  const run = new Run();
  run.loses = (packet) => read(packet).payload.length > 0 && run.nowMs < 10_250;
  run.start().pass(240);
  assert.is(run.outcome, 'pending');
  const data = readAll(run.injected).filter(({ payload }) => payload.length > 0);
  assert.is(data.length, 3);
  run.pass(100);
  assert.is(run.outcome, 'ready');
});

replays('a deferred accept takes the connection by its data', () => {
  const run = new Run({ deferTimeouts: 1 }).start();
  assert.is(run.outcome, 'ready');
});

replays('no answer until the deadline: expired', () => {
  const run = new Run();
  run.loses = () => true;
  run.start().pass(780);
  assert.is(run.outcome, 'pending');
  run.pass(40);
  assert.is(run.outcome, 'expired');
});

replays('a closed port refuses at once', () => {
  const run = new Run({}, {});
  const closed = { ...ENDS, serverPort: 81 };
  const replay = new Replay(closed, makeHandoff(), run.nowMs + 800);
  for (const packet of replay.start(run.nowMs)) run.server.kernel.receive(packet);
  const reset = read(run.server.take()[0]!);
  assert.is(replay.fromKernel(reset, run.nowMs).outcome, 'refused');
});

replays('the reset that answers a probe of the former connection ends nothing', () => {
  const run = new Run();
  const stray = read(fromKernel({ sequence: 12345, flags: TCP_RST }));
  assert.is(run.replay.fromKernel(stray, run.nowMs).outcome, 'pending');
  run.start();
  const far = fromKernel({ sequence: advance(run.replay.kernel!.isn, -5), flags: TCP_RST });
  assert.is(run.replay.fromKernel(read(far), run.nowMs).outcome, 'pending');
});

replays('a reset with an acknowledgment of the data tells that it was delivered', () => {
  const run = new Run();
  run.loses = (packet) => read(packet).payload.length > 0;
  run.start();
  const reset = fromKernel({
    sequence: advance(run.replay.kernel!.isn, 1),
    acknowledgment: advance(0xffffff01, REQUEST.length),
    flags: TCP_RST | TCP_ACK,
  });
  assert.is(run.replay.fromKernel(read(reset), run.nowMs).outcome, 'refused');
  assert.is(run.replay.acknowledged, REQUEST.length);
});

replays('TIME-WAIT of the tuple with a higher number: it is reset, then replayed', () => {
  const run = new Run();
  const { server } = run;
  const sequence = advance(0x10000001, REQUEST.length);
  openPlainly(server, CLIENT_PORT, 0x10000000);
  server.text();
  server.sockets[0]!.close();
  const fin = read(server.take().at(-1)!);
  const acknowledgment = advance(fin.sequence, 1);
  const last = { sequence, acknowledgment, flags: TCP_FIN | TCP_ACK };
  server.kernel.receive(fromClient(last));
  server.take();
  assert.is(server.kernel.openSockets, 0);
  run.start();
  assert.is(run.outcome, 'ready');
  const resets = readAll(run.injected).filter(({ flags }) => (flags & TCP_RST) !== 0);
  assert.equal(
    resets.map((reset) => reset.sequence),
    [advance(sequence, 1)],
  );
});

replays('a connection of the tuple that is still alive is ended by the number it tells', () => {
  const run = new Run();
  openPlainly(run.server, CLIENT_PORT, 0x10000000);
  run.server.take();
  run.start();
  assert.is(run.outcome, 'ready');
  assert.is(run.server.kernel.openSockets, 1);
});

replays('a handshake that the kernel began anew replaces the first one', () => {
  const run = new Run();
  run.loses = (packet) => (read(packet).flags & TCP_ACK) !== 0;
  run.start();
  const first = run.replay.kernel!.isn;
  // the request is lost in the kernel, a SYN comes again
  run.server.kernel.receive(resetSegment(ENDS, 0xffffff01));
  run.server.clock.runUntil(run.nowMs + 1);
  run.loses = () => false;
  run.inject([run.injected[0]!]);
  run.settle();
  assert.is.not(run.replay.kernel!.isn, first);
  assert.is(run.outcome, 'ready');
});

replays('nothing handed: ready when the handshake is complete', () => {
  const run = new Run({}, { bytes: new Uint8Array(0) }).start();
  assert.is(run.outcome, 'ready');
  assert.is(run.server.sockets.length, 1);
});

replays.run();
