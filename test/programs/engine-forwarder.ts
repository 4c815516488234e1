// Forwards with an engine as a switch does: the pool's worker threads, the core, a table of entries in
// FORWARD. Prints "ready"; on SIGTERM it ends and prints its counters.
// node build/programs-engine-forwarder.mjs --engine NAME --device NAME --workers N
//   --sources FIRST:COUNT --port P --to ADDRESS:PORT
import { parseArgs } from 'node:util';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { monotonicMs } from '../../src/clock.ts';
import { parseAddress } from '../../src/config/address.ts';
import { compileCore, instantiateCore, type Core } from '../../src/core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import { deviceBytes, openDevice, type Engine } from '../../src/packet-io/engine.ts';
import { EventfdWaker } from '../../src/packet-io/waker.ts';
import { Template } from '../../src/template.ts';
import { WorkerPool } from '../../src/workers/pool.ts';
import { workerAddress } from '../../src/workers/rings.ts';

const CONNECTIONS = 65536; // as the lab's switch

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'tun' },
    device: { type: 'string', default: 'tun0' },
    workers: { type: 'string', default: '1' },
    sources: { type: 'string', default: '198.18.0.0:1' },
    port: { type: 'string', default: '4242' },
    from: { type: 'string', default: '192.0.2.80:80' },
    to: { type: 'string', default: '10.91.0.1:8080' },
  },
});

function place(text: string): { address: Uint8Array; port: number } {
  const [address, port] = text.split(':') as [string, string];
  return { address: parseAddress(address)!, port: Number(port) };
}

/** Consecutive client addresses with one port, as raw-sender makes them. */
function insertAll(core: Core, owner: number): void {
  const vip = place(values.from);
  const server = place(values.to);
  const [source, count] = values.sources.split(':') as [string, string];
  const client = parseAddress(source)!;
  const view = new DataView(client.buffer, client.byteOffset);
  const first = view.getUint32(0);
  const template = new Template(core.view, core.bytes);
  for (let index = 0; index < Number(count); index += 1) {
    core.bytes.fill(0, L.CONTROL_TEMPLATE, L.CONTROL_TEMPLATE + L.TEMPLATE_SIZE);
    view.setUint32(0, first + index);
    template
      .key({ client, clientPort: Number(values.port), local: vip.address, localPort: vip.port })
      .server(server.address, server.port)
      .state(L.STATE_FORWARD);
    const entry = core.insert(owner, L.CONTROL_TEMPLATE);
    if (entry >= L.NO_ENTRY - 1) throw new Error(`engine-forwarder: entry ${entry}`);
  }
}

const engine = values.engine as Engine;
const workers = Number(values.workers);
const module = await compileCore();
const map = memoryMap({
  role: 'switch',
  connections: CONNECTIONS,
  workers,
  deviceBytes: deviceBytes(engine, workers),
  seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
});
const memory = createMemory(map);
writeMemoryMap(memory, map);
const core = instantiateCore(module, memory);
core.initialise();
const owner = core.nextOwner();
insertAll(core, owner);
const open = openDevice(engine, values.device, workers, memory, map.deviceBases);
const wakers = open.fds.map(() => new EventfdWaker());
const pool = new WorkerPool({
  memory,
  module,
  core,
  controlOwner: owner,
  fds: open.fds,
  rings: open.rings,
  ports: open.ports,
  wakers,
  onReplaced: ({ reason }) => console.error(`engine-forwarder: worker died: ${reason}`),
});
await pool.ready();
const startedMs = monotonicMs();
process.once('SIGTERM', async () => {
  await pool.stop();
  open.close();
  const counter = (index: number): number =>
    wakers.reduce((sum, _, worker) => {
      const counters = workerAddress(core.view, worker) + L.WORKER_COUNTERS;
      return sum + Number(core.view.getBigUint64(counters + index * 8, true));
    }, 0);
  console.log(
    JSON.stringify({
      seconds: (monotonicMs() - startedMs) / 1000,
      received: counter(V.COUNTER_RECEIVED),
      forwarded: counter(V.COUNTER_FORWARDED),
      polls: counter(V.COUNTER_POLLS_WITH_PACKETS),
      emptyPolls: counter(V.COUNTER_EMPTY_POLLS),
      sleeps: counter(V.COUNTER_SLEEPS),
    }),
  );
});
console.log('ready');
