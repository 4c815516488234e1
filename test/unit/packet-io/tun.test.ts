// Needs root and /dev/net/tun; runs in a network namespace of its own.
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { ip, readSysctl, writeSysctl } from '../../../src/packet-io/iproute.ts';
import { closeQueues, EventfdWaker, openTun, TunDevice } from '../../../src/packet-io/tun.ts';
import { runInNamespace } from '../../support/namespace.ts';

const SLOTS = 65536;
const PACKET = SLOTS + L.SLOT_PACKET;
const FLOOD = 300; // fewer than the device's queue holds

function prepared(queues: number) {
  const memory = new WebAssembly.Memory({ initial: 80, maximum: 80, shared: true });
  const fds = openTun('biotun0', queues);
  const waker = new EventfdWaker();
  const devices = fds.map((fd) => new TunDevice(memory, fd, waker.fd));
  const close = (): void => {
    closeQueues(fds);
    waker.close();
  };
  return { view: new DataView(memory.buffer), devices, waker, close };
}

async function addressed(): Promise<void> {
  await ip('link', 'set', 'biotun0', 'up');
  await ip('addr', 'add', '10.99.0.1/24', 'dev', 'biotun0');
}

/** Waits for a packet of this IP protocol; a new device also sees router solicitations. */
function receiveProtocol(device: TunDevice, view: DataView, protocol: number): number | undefined {
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

const inside = suite('tun');

inside('a datagram comes out of the kernel and its answer goes into it', async () => {
  const { view, devices, close } = prepared(1);
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

inside('four queues of one device receive every connection, each in one queue', async () => {
  const { view, devices, close } = prepared(4);
  await addressed();
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

inside('a flood is received and sent in order, 64 packets to a system call', async () => {
  const { view, devices, close } = prepared(1);
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

inside('a packet that the kernel refuses is told, the others of its batch are sent', async () => {
  const { view, devices, close } = prepared(1);
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
});

inside('a wake-up ends the wait, and only once', () => {
  const { view, devices, waker, close } = prepared(1);
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

inside(
  'a device name that is taken by another kind of device is refused with a reason',
  async () => {
    await ip('link', 'add', 'biodummy', 'type', 'veth', 'peer', 'name', 'biodummy2');
    assert.throws(() => openTun('biodummy', 1), /cannot make the device biodummy: E[A-Z]+ \(/);
    assert.throws(() => openTun('a-name-that-is-too-long', 1), /1 to 15 characters/);
  },
);

inside('ip and kernel settings: errors name the command and the setting', async () => {
  await writeSysctl('net/ipv4/conf/default/rp_filter', 2);
  assert.is(await readSysctl('net/ipv4/conf/default/rp_filter'), '2');
  const said = await ip('route', 'add', '10.1.2.0/24', 'dev', 'nowhere').catch((error) => error);
  assert.match(said.message, /ip route add 10.1.2.0\/24 dev nowhere: .*Cannot find device/);
  const missing = await writeSysctl('net/ipv4/no/such', 1).catch((error) => error);
  assert.match(missing.message, /kernel setting net\/ipv4\/no\/such/);
});

runInNamespace(inside, 7);
