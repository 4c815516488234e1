// A forwarding thread: the packets of the clients that it is told of go through the core.
import { instantiateCore, layout, Slots, verdict } from '../../build/index.mjs';

/** An ACK of an IPv4 client, without checksums. */
function segment({ client, clientPort, local, localPort }) {
  const packet = new Uint8Array(40);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0, 0, packet.length]);
  packet.set([64, 6], 8); // TTL, TCP
  packet.set(client, 12);
  packet.set(local, 16);
  view.setUint16(20, clientPort);
  view.setUint16(22, localPort);
  packet.set([0x50, 0x10, 1, 0], 32); // 20 bytes of header, ACK, window
  return packet;
}

let core;
let slots;
let worker = 0;

addEventListener('message', ({ data }) => {
  if (data.module) {
    worker = data.worker;
    core = instantiateCore(data.module, data.memory);
    slots = new Slots(data.memory, worker);
    return;
  }
  data.keys.forEach((key, index) => {
    slots.put(index, segment(key));
    core.checksumPacket(slots.address(index) + layout.SLOT_PACKET, 40);
  });
  core.forward(worker, data.keys.length, data.nowMs);
  const forwarded = data.keys.filter((_, index) => {
    return slots.verdict(index) === verdict.VERDICT_FORWARD;
  });
  postMessage({ worker, sent: data.keys.length, forwarded: forwarded.length });
});
