// A slow link: every packet routed into the device comes out of it again after DELAY ms, in order.
// node build/programs-delay.mjs DEVICE DELAY-MS
import { SLOT_LENGTH, SLOT_SIZE, SLOT_VNET, VNET_SIZE } from '../../assembly/layout.ts';
import { chooseEngine, openDevice, queueDevice } from '../../src/packet-io/engine.ts';
import { RING_BYTES } from '../../src/packet-io/packet-ring.ts';
import { EventfdWaker } from '../../src/packet-io/waker.ts';

const [name = 'delay0', delayText = '20'] = process.argv.slice(2);
const delayMs = Number(delayText);
const SLOTS = 64;
const PAGE = 65536;

const ring = Math.ceil((SLOT_SIZE * (SLOTS + 1)) / PAGE) * PAGE;
const pages = Math.ceil((ring + RING_BYTES) / PAGE);
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
const bytes = new Uint8Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const { fds, rings, close } = openDevice(chooseEngine('auto'), name, 1, memory, [ring]);
const device = queueDevice(memory, fds[0]!, rings[0]!, new EventfdWaker().fd);
const outgoing = SLOTS * SLOT_SIZE;

const waiting: { dueMs: number; packet: Uint8Array }[] = [];

function take(): void {
  const count = device.receive(0, SLOTS);
  for (let slot = 0; slot < count * SLOT_SIZE; slot += SLOT_SIZE) {
    const end = slot + SLOT_VNET + VNET_SIZE + words[(slot + SLOT_LENGTH) >>> 2]!;
    waiting.push({
      dueMs: performance.now() + delayMs,
      packet: bytes.slice(slot + SLOT_VNET, end),
    });
  }
}

function give(): void {
  while (waiting.length > 0 && waiting[0]!.dueMs <= performance.now()) {
    const { packet } = waiting.shift()!;
    bytes.set(packet, outgoing + SLOT_VNET);
    words[(outgoing + SLOT_LENGTH) >>> 2] = packet.length - VNET_SIZE;
    device.transmit(outgoing);
  }
}

process.on('SIGTERM', () => {
  close();
  process.exit(0);
});
process.stdout.write('ready\n');
for (;;) {
  take();
  give();
  device.wait(1);
  await new Promise((resolve) => setImmediate(resolve));
}
