// Needs root and /dev/net/tun; runs in a network namespace of its own.
import { execFile } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { ip, readSysctl, writeSysctl } from '../../../src/packet-io/iproute.ts';
import { closeQueues, EventfdWaker, openTun, TunDevice } from '../../../src/packet-io/tun.ts';
import { runInNamespace } from '../../support/namespace.ts';

const SLOTS = 65536;
const PACKET = SLOTS + L.SLOT_PACKET;

function prepared(queues: number) {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
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
  // source and destination change places, address and port: one's complement sums stay the same
  const swap = (a: number, b: number, size: number): void => {
    const bytes = new Uint8Array(view.buffer);
    const first = bytes.slice(PACKET + a, PACKET + a + size);
    bytes.copyWithin(PACKET + a, PACKET + b, PACKET + b + size);
    bytes.set(first, PACKET + b);
  };
  swap(12, 16, 4);
  swap(20, 22, 2);
  assert.ok(devices[0]!.transmit(SLOTS));
  assert.is(await answered, 'hello');
  close();
});

inside('four queues of one device receive every connection, each in one queue', async () => {
  const { view, devices, close } = prepared(4);
  await addressed();
  const { createSocket } = await import('node:dgram');
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

runInNamespace(inside, 5);
