// Every device test for every engine. Needs the rights of root in a network namespace of its own, and for
// the engine `tun` a /dev/net/tun that can be opened.
import { execFile, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { Connections } from '../../../src/connections.ts';
import { compileCore, instantiateCore } from '../../../src/core.ts';
import { openDevice, type Engine, type QueueDevice } from '../../../src/packet-io/engine.ts';
import { ip, mtuLimit, tryIp } from '../../../src/packet-io/iproute.ts';
import { openQueues, SLOTS, type OpenQueues } from '../../support/device-queues.ts';
import { runInNamespace } from '../../support/namespace.ts';
import { canLoadBpf, canOpenTun, NO_BPF, NO_TUN } from '../../support/rights.ts';

const DEVICE = 'biodev0';
const PACKET = SLOTS + L.SLOT_PACKET;
const FLOOD = 250; // fewer than the device's queue holds

async function addressed(): Promise<void> {
  await ip('link', 'set', DEVICE, 'up');
  await ip('addr', 'add', '10.99.0.1/24', 'dev', DEVICE);
}

/** Waits for a packet of this IP protocol; a new device also sees router solicitations. */
function receiveProtocol(
  device: QueueDevice,
  view: DataView,
  protocol: number,
): number | undefined {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    device.wait(100);
    while (device.receive(SLOTS, 1) === 1) {
      const version = view.getUint8(PACKET) >> 4;
      if (version === 4 && view.getUint8(PACKET + 9) === protocol)
        return view.getUint8(PACKET + 20);
    }
  }
  return undefined;
}

const inside = suite('engines');
const ENGINES: Engine[] = [
  ...(canOpenTun() ? (['tun'] as const) : []),
  'packet',
  ...(canLoadBpf() ? (['xdp'] as const) : []),
];
const VETH = ENGINES.filter((engine) => engine !== 'tun');
let count = 0;

function each(name: string, body: (engine: Engine) => void | Promise<void>): void {
  for (const engine of ENGINES) inside(`${engine}: ${name}`, () => body(engine));
  count += ENGINES.length;
}

each('a datagram comes out of the kernel and its answer goes into it', async (engine) => {
  const { view, devices, close } = openQueues(engine, DEVICE, 1);
  await addressed();
  const script =
    'const d = require("node:dgram").createSocket("udp4");' +
    'd.on("message", (m) => { process.stdout.write(m); d.close(); });' +
    'd.bind(5000, () => d.send("hello", 5001, "10.99.0.2"));';
  const answered = new Promise<string>((resolve, reject) => {
    execFile(process.execPath, ['-e', script], { timeout: 5000 }, (error, out) =>
      error ? reject(error) : resolve(out),
    );
  });
  let got: number | undefined;
  const deadline = Date.now() + 4000;
  while (got === undefined && Date.now() < deadline) {
    got = receiveProtocol(devices[0]!, view, 17);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.is.not(got, undefined);
  assert.is(view.getUint32(SLOTS + L.SLOT_LENGTH, true), 20 + 8 + 5);
  // source and destination change places: one's complement sums stay the same
  exchange(view, PACKET, 12, 16, 4);
  exchange(view, PACKET, 20, 22, 2);
  assert.ok(devices[0]!.transmit(SLOTS));
  assert.is(await answered, 'hello');
  close();
});

each('four queues of one device receive every connection, each in one queue', async (engine) => {
  const { memory, view, devices, close } = openQueues(engine, DEVICE, 4);
  await addressed();
  view.setUint32(L.HEADER_LAYOUT_VERSION, L.LAYOUT_VERSION, true);
  const core = instantiateCore(await compileCore(), memory);
  const connections = new Connections(memory.buffer);
  const [client, local] = [Uint8Array.of(10, 99, 0, 1), Uint8Array.of(10, 99, 0, 2)];
  const queueOf = new Map<number, number>();
  let received = 0;
  const sockets = Array.from({ length: 32 }, () => createSocket('udp4'));
  for (let round = 0; round < 3; round += 1) {
    const sending = sockets.map(
      (socket) => new Promise((resolve) => socket.send('x', 5001, '10.99.0.2', resolve)),
    );
    await Promise.all(sending);
    for (const [queue, device] of devices.entries()) {
      while (device.receive(SLOTS, 1) === 1) {
        if (view.getUint8(PACKET) !== 0x45) continue;
        received += 1;
        const port = view.getUint16(PACKET + 20);
        assert.is(queueOf.get(port) ?? queue, queue);
        queueOf.set(port, queue);
        // what steers there is the kernel's hash of packet sockets, or who may load no program
        if (engine === 'packet' || !canLoadBpf()) continue;
        connections.writeTuple({ client, clientPort: port, local, localPort: 5001 });
        assert.is(queue, core.steer(L.CONTROL_TUPLE) % devices.length);
      }
    }
  }
  for (const socket of sockets) socket.close();
  assert.is(received, 96);
  assert.ok(new Set(queueOf.values()).size > 1, 'all in one queue');
  close();
});

/** Exchanges two fields of a packet; with addresses or ports its checksums stay right. */
function exchange(view: DataView, packet: number, a: number, b: number, size: number): void {
  const bytes = new Uint8Array(view.buffer);
  const first = bytes.slice(packet + a, packet + a + size);
  bytes.copyWithin(packet + a, packet + b, packet + b + size);
  bytes.set(first, packet + b);
}

each('a flood is received and sent in order, 64 packets to a system call', async (engine) => {
  const { view, devices, close } = openQueues(engine, DEVICE, 1);
  const device = devices[0]!;
  await addressed();
  const socket = createSocket('udp4');
  const answers: string[] = [];
  socket.on('message', (message) => answers.push(String(message)));
  for (let number = 0; number < FLOOD; number += 1) {
    await new Promise((resolve) => socket.send(String(number), 5001, '10.99.0.2', resolve));
  }
  const slots = Uint32Array.from({ length: 64 }, (_, index) => SLOTS + index * L.SLOT_SIZE);
  const batches: number[] = [];
  const lost: number[] = [];
  let expected = 0;
  for (let count = device.receive(SLOTS, 64); count > 0; count = device.receive(SLOTS, 64)) {
    batches.push(count);
    for (const slot of slots.subarray(0, count)) {
      if (view.getUint8(slot + L.SLOT_PACKET) !== 0x45) continue;
      expected += 1;
      exchange(view, slot + L.SLOT_PACKET, 12, 16, 4);
      exchange(view, slot + L.SLOT_PACKET, 20, 22, 2);
    }
    device.transmitBatch(slots, count, (slot) => lost.push(slot));
    // the socket's buffer has room for one batch, not for all
    for (let wait = 0; answers.length < expected && wait < 500; wait += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  socket.close();
  assert.ok(batches.length >= 4 && batches[1] === 64, `batches of ${batches.join(', ')}`);
  assert.equal(
    answers,
    Array.from({ length: FLOOD }, (_, number) => String(number)),
  );
  assert.equal(lost, []);
  close();
});

each(
  'a packet that the kernel refuses is told, the others of its batch are sent',
  async (engine) => {
    const { view, devices, close } = openQueues(engine, DEVICE, 1);
    await addressed();
    const slots = Uint32Array.from({ length: 6 }, (_, index) => SLOTS + index * L.SLOT_SIZE);
    for (const slot of slots) {
      view.setUint8(slot + L.SLOT_PACKET, 0x45);
      view.setUint32(slot + L.SLOT_LENGTH, 20, true);
    }
    view.setUint8(slots[2]! + L.SLOT_PACKET, 0x95); // neither IPv4 nor IPv6
    const lost: number[] = [];
    devices[0]!.transmitBatch(slots, 6, (slot) => lost.push(slot));
    assert.equal(lost, [slots[2]]);
    close();
  },
);

each('a wake-up ends the wait, and only once', (engine) => {
  const { view, devices, waker, close } = openQueues(engine, DEVICE, 1);
  waker.wake();
  waker.wake();
  const started = performance.now();
  devices[0]!.wait(2000);
  assert.ok(performance.now() - started < 100);
  while (devices[0]!.receive(SLOTS, 1) === 1) assert.ok(view.byteLength);
  const second = performance.now();
  devices[0]!.wait(50);
  assert.ok(performance.now() - second > 40);
  close();
});

each(
  'a device name that is taken by another kind of device is refused with a reason',
  async (engine) => {
    await ip('link', 'add', 'biodummy', 'type', 'veth', 'peer', 'name', 'biodummy2');
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const open = (name: string) => () => openDevice(engine, name, 1, memory, [0]);
    assert.throws(open('biodummy'), /cannot make the device biodummy: .*(E[A-Z]+|exists) \(/);
    assert.throws(open('a-name-that-is-too-long'), /1 to 15 characters/);
    await ip('link', 'delete', 'biodummy');
  },
);

for (const engine of VETH) {
  inside(`${engine}: one process has a device, and it ends with its queues`, async () => {
    const { memory, close } = openQueues(engine, DEVICE, 2);
    const again = () => openDevice(engine, DEVICE, 2, memory, [0, 0]);
    assert.throws(again, /cannot make the device biodev0: EADDRINUSE \(another process has/);
    close();
    assert.not.ok(await tryIp('link', 'show', DEVICE));
  });

  inside(`${engine}: what a killed process left is replaced`, async () => {
    const make = `ip link add ${DEVICE} type veth peer name biodev0-io`;
    assert.is(spawnSync('sh', ['-c', make]).status, 0);
    const device = openQueues(engine, DEVICE, 1);
    await addressed();
    assert.is((await echo(device, 10, 3)).length, 3);
    device.close();
  });
}

/** A datagram from the kernel, through the device and back, in both directions of one checksum step. */
async function echo(
  { view, devices }: OpenQueues,
  size: number,
  rounds: number,
): Promise<string[]> {
  const socket = createSocket('udp4');
  const answers: string[] = [];
  socket.on('message', (message) => answers.push(String(message.readUInt32LE(0))));
  for (let round = 0; round < rounds; round += 1) {
    const message = Buffer.alloc(size, round);
    message.writeUInt32LE(round);
    await new Promise((resolve) => socket.send(message, 5001, '10.99.0.2', resolve));
    while (devices[0]!.receive(SLOTS, 1) === 1) {
      if (view.getUint8(PACKET) !== 0x45) continue;
      exchange(view, PACKET, 12, 16, 4);
      exchange(view, PACKET, 20, 22, 2);
      assert.ok(devices[0]!.transmit(SLOTS));
    }
    for (let wait = 0; answers.length <= round && wait < 500; wait += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  socket.close();
  return answers;
}

each('more packets than any ring has frames go through, small and large ones', async (engine) => {
  const device = openQueues(engine, DEVICE, 1);
  await addressed();
  const most = Math.min(65_535, await mtuLimit(DEVICE));
  await ip('link', 'set', DEVICE, 'mtu', String(most));
  const rounds = engine === 'xdp' ? 2500 : 700;
  const wanted = Array.from({ length: rounds }, (_, round) => String(round));
  assert.equal(await echo(device, 100, rounds), wanted);
  assert.equal(await echo(device, most - 28, 300), wanted.slice(0, 300));
  device.close();
});

each('a new thread goes on where the one before it died', async (engine) => {
  const device = openQueues(engine, DEVICE, 1);
  await addressed();
  assert.is((await echo(device, 10, 100)).length, 100);
  device.devices[0] = device.again();
  assert.is((await echo(device, 10, 300)).length, 300);
  device.close();
});

const left = [...(canOpenTun() ? [] : [NO_TUN]), ...(canLoadBpf() ? [] : [NO_BPF])];
runInNamespace(inside, count + 2 * VETH.length, left.length, left.join(', '));
