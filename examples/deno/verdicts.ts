// What the core decides about the packets of a capture that comes by standard input, one line a packet:
//   tcpdump -w - -i lo tcp | deno run --allow-read examples/deno/verdicts.ts VIP PORT SERVER
// Connections that begin with a SYN are given to the server. IPv4; captures of raw IP or of Ethernet.
import {
  Connections,
  createCore,
  layout,
  Slots,
  verdict,
  workerFigures,
} from '../../build/index.mjs';

const [vip, port, server] = Deno.args;
if (!server) {
  console.error('verdicts.ts VIP PORT SERVER');
  Deno.exit(2);
}
const address = (text: string): Uint8Array => Uint8Array.from(text.split('.').map(Number));
const ETHERNET = 1;
const SYN = 2;
const LONGEST = 262_144; // no capture says that a frame is longer

const random = crypto.getRandomValues(new BigUint64Array(2));
const core = await createCore({
  role: 'switch',
  connections: 65536,
  workers: 1,
  slots: 1,
  seeds: [random[0]!, random[1]!],
  services: [{ address: address(vip!), port: Number(port) }],
});
const slots = new Slots(core.memory);
const connections = new Connections(core.memory.buffer);
const owner = core.nextOwner();
const names = new Map(
  Object.entries(verdict)
    .filter(([name]) => /^(VERDICT|DROP)_/.test(name))
    .map(([name, value]) => [`${name.startsWith('DROP')} ${value}`, name]),
);

/** The entry of a SYN for the service, if there is none yet. */
function connect(packet: Uint8Array): void {
  const tcp = packet.subarray((packet[0]! & 15) * 4);
  const key = {
    client: packet.slice(12, 16),
    clientPort: (tcp[0]! << 8) | tcp[1]!,
    local: packet.slice(16, 20),
    localPort: (tcp[2]! << 8) | tcp[3]!,
  };
  const isOurs = key.local.join('.') === vip && key.localPort === Number(port);
  if (!isOurs || (tcp[13]! & SYN) === 0) return;
  connections
    .template()
    .key(key)
    .server(address(server!), Number(port))
    .state(layout.STATE_FORWARD);
  core.insert(owner, layout.CONTROL_TEMPLATE);
}

function decide(packet: Uint8Array, nowMs: number): string {
  if (packet.length >= 40 && packet[0]! >> 4 === 4 && packet[9] === 6) connect(packet);
  slots.put(0, packet);
  core.forward(0, 1, nowMs);
  const dropped = slots.verdict(0) === verdict.VERDICT_DROP;
  return names.get(dropped ? `true ${slots.reason(0)}` : `false ${slots.verdict(0)}`)!;
}

/** Standard input in pieces of just the size that is asked for; undefined at its end. */
class Input {
  #kept = new Uint8Array(0);
  readonly #reader = Deno.stdin.readable.getReader();

  async take(size: number): Promise<Uint8Array | undefined> {
    while (this.#kept.length < size) {
      const { value } = await this.#reader.read();
      if (!value) return undefined;
      const joined = new Uint8Array(this.#kept.length + value.length);
      joined.set(this.#kept);
      joined.set(value, this.#kept.length);
      this.#kept = joined;
    }
    const taken = this.#kept.slice(0, size);
    this.#kept = this.#kept.subarray(size);
    return taken;
  }
}

const input = new Input();
const file = await input.take(24);
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset);
const skipped = file && view(file).getUint32(20, true) === ETHERNET ? 14 : 0;
for (let header = await input.take(16); header; header = await input.take(16)) {
  const captured = view(header).getUint32(8, true);
  const frame = captured <= LONGEST ? await input.take(captured) : undefined;
  if (!frame) break; // cut off, or no capture
  const seconds = view(header).getUint32(0, true);
  console.log(
    `${seconds} ${frame.length - skipped} bytes ${decide(frame.subarray(skipped), seconds * 1000)}`,
  );
}
const { counters } = workerFigures(core.view, 0);
console.log(JSON.stringify(counters));
