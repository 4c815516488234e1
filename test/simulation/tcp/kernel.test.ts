import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/lab/random.ts';
import { Network, PERFECT, parseAddress, type Link } from '../network.ts';
import { Scheduler } from '../scheduler.ts';
import { Trace } from '../trace.ts';
import { Kernel } from './kernel.ts';
import { NO_SCALE, type KernelOptions } from './options.ts';
import type { Socket } from './socket.ts';

const kernels = suite('simulated kernels');

interface Rig {
  clock: Scheduler;
  trace: Trace;
  client: Kernel;
  server: Kernel;
  /** what each side read */
  clientRead: Uint8Array[];
  serverRead: Uint8Array[];
  failures: string[];
}

function makeRig(seed: number, link: Link, options: Partial<KernelOptions> = {}): Rig {
  const clock = new Scheduler(1000);
  const random = new Random(seed);
  const trace = new Trace();
  const network = new Network(clock, random.fork(), trace);
  const rig: Partial<Rig> = { clock, trace, clientRead: [], serverRead: [], failures: [] };
  for (const [name, address] of [
    ['client', '10.0.0.1'],
    ['server', '10.0.0.2'],
  ] as const) {
    const host = network.attach(name, link);
    network.route(address, host);
    const own = name === 'client' ? options : {};
    const kernel = new Kernel(clock, random.fork(), (packet) => network.send(host, packet), own);
    host.receive = (packet) => kernel.receive(packet);
    rig[name] = kernel;
  }
  return rig as Rig;
}

const ends = (port: number) => ({
  local: parseAddress('10.0.0.1'),
  localPort: port,
  remote: parseAddress('10.0.0.2'),
  remotePort: 80,
});

/**
 * Both sides send `size` bytes and close; the side named closes first, the other after the peer's
 * FIN.
 */
function exchange(rig: Rig, size: number): { client: Uint8Array; server: Uint8Array } {
  const random = new Random(7);
  const sent = { client: random.bytes(size), server: random.bytes(size) };
  const listener = rig.server.listen(80, {
    backlog: 16,
    deferTimeouts: 0,
    acceptable: () => {
      const socket = listener.accept()!;
      serve(socket);
    },
  });
  const serve = (socket: Socket): void => {
    const read = (): void => void rig.serverRead.push(socket.read());
    socket.events = {
      readable: read,
      ended: () => socket.close(),
      failed: (reason) => rig.failures.push(`server: ${reason}`),
    };
    read();
    socket.send(sent.server);
    if (socket.finReceived) socket.close();
  };
  let mine: Socket | undefined;
  rig.client.connect(
    ends(40000),
    {
      connected: () => {
        mine!.send(sent.client);
        mine!.shutdown();
      },
      readable: () => rig.clientRead.push(mine!.read()),
      ended: () => mine!.close(),
      failed: (reason) => rig.failures.push(`client: ${reason}`),
    },
    (socket) => (mine = socket),
  );
  return sent;
}

const joined = (parts: Uint8Array[]): string => Buffer.concat(parts).toString('base64');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const rough: Link = {
  delayMs: 5,
  jitterMs: 3,
  loss: 0.02,
  duplication: 0.01,
  reordering: 0.05,
  staleness: 0,
};

for (const [name, options] of [
  ['all options', {}],
  ['no timestamps', { timestamps: false }],
  ['no SACK', { sack: false }],
  ['no window scale', { scale: NO_SCALE }],
  ['no options', { timestamps: false, sack: false, scale: NO_SCALE }],
  ['a small buffer', { receiveBuffer: 3000 }],
] as [string, Partial<KernelOptions>][]) {
  kernels(`every byte arrives in order on a rough network: ${name}`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const rig = makeRig(seed, rough, options);
      const sent = exchange(rig, 200_000);
      rig.clock.runUntil(400_000);
      assert.equal(rig.failures, []);
      assert.ok(joined(rig.serverRead) === text(sent.client), `server's bytes, seed ${seed}`);
      assert.ok(joined(rig.clientRead) === text(sent.server), `client's bytes, seed ${seed}`);
      assert.is(rig.client.openSockets + rig.server.openSockets, 0);
      assert.is(rig.clock.nextMs(), Infinity, 'nothing is left in the scheduler');
    }
  });
}

kernels('a perfect network carries 1 MB without a retransmission', () => {
  const rig = makeRig(1, PERFECT);
  exchange(rig, 1 << 20);
  const sockets: Socket[] = [];
  rig.clock.runUntil(1002);
  sockets.push(...rig.client.socketList, ...rig.server.socketList);
  rig.clock.runUntil(200_000);
  assert.is(sockets.length, 2);
  for (const socket of sockets) assert.is(socket.sender.retransmissions, 0);
});

kernels('the same seed gives the same trace', () => {
  const hashes = [3, 3, 4].map((seed) => {
    const rig = makeRig(seed, rough);
    exchange(rig, 50_000);
    rig.clock.runUntil(300_000);
    return rig.trace.hash();
  });
  assert.is(hashes[0], hashes[1]);
  assert.is.not(hashes[0], hashes[2]);
});

kernels('a port without a listener answers RST', () => {
  const rig = makeRig(1, PERFECT);
  rig.client.connect(ends(40001), { failed: (reason) => rig.failures.push(reason) }, () => {});
  rig.clock.runUntil(2000);
  assert.equal(rig.failures, ['refused']);
});

kernels('a full accept queue answers SYN-ACKs and drops ACK and data, later takes them', () => {
  const rig = makeRig(1, PERFECT);
  const listener = rig.server.listen(80, { backlog: 2, deferTimeouts: 0 });
  const open = (port: number): void => {
    let mine: Socket | undefined;
    rig.client.connect(
      ends(port),
      { connected: () => mine!.send(new Uint8Array(10)) },
      (socket) => (mine = socket),
    );
  };
  open(40000);
  open(40001);
  rig.clock.runUntil(1010);
  open(40002);
  open(40003);
  rig.clock.runUntil(1050);
  assert.is(listener.queue.length, 3);
  assert.is(listener.requests.size, 1);
  assert.is(rig.client.openSockets, 4, 'all clients believe to be connected');
  assert.ok(listener.overflows >= 2);
  listener.accept();
  rig.clock.runUntil(3000);
  assert.is(listener.queue.length, 3);
  assert.is(listener.queue[2]!.received.readableBytes, 10);
});

kernels.run();
