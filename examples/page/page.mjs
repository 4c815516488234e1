// The page's own thread is what control is in the switch: it makes and removes connections, and looks.
import {
  Connections,
  createMemory,
  instantiateCore,
  layout,
  memoryMap,
  workerFigures,
  writeMemoryMap,
} from '../../build/index.mjs';

const WORKERS = 2;
const CONNECTIONS = 8192;
const BATCH = 64; // new connections at a time, half of them for each thread
const TOTAL = 6144;
const LIVE = 5000; // above it the oldest go
const VIP = Uint8Array.of(192, 0, 2, 80);
const PORT = 80;

const random = crypto.getRandomValues(new BigUint64Array(2));
const module = await WebAssembly.compileStreaming(fetch('../../build/core.wasm'));
const map = memoryMap({
  role: 'switch',
  connections: CONNECTIONS,
  workers: WORKERS,
  slots: BATCH,
  slotStride: 192,
  seeds: [random[0], random[1]],
  services: [{ address: VIP, port: PORT }],
});
const memory = createMemory(map);
writeMemoryMap(memory, map);
const core = instantiateCore(module, memory);
core.initialise();
const owner = core.nextOwner();
const connections = new Connections(memory.buffer);
const load = { made: 0, removed: 0, sent: 0, forwarded: 0 };
const kept = [];

function make() {
  const number = load.made;
  const key = {
    client: Uint8Array.of(198, 18, number >> 8, number & 255),
    clientPort: 1024 + Math.floor(Math.random() * 60_000),
    local: VIP,
    localPort: PORT,
  };
  const server = Uint8Array.of(10, 81, 1, 1 + (number % 3));
  connections
    .template()
    .key(key)
    .server(server, 8080)
    .state(layout.STATE_FORWARD)
    .id({ run: 1, counter: number });
  kept.push({ entry: core.insert(owner, layout.CONTROL_TEMPLATE), number });
  load.made += 1;
  return key;
}

function chainLength(bucket) {
  let length = 0;
  let next = core.view.getUint32(map.bucketBase + bucket * layout.BUCKET_SIZE + 4, true);
  for (; next !== 0; length += 1) next = connections.entry32(next - 1, layout.ENTRY_NEXT);
  return length;
}

const canvas = document.querySelector('#table');
const context = canvas.getContext('2d');

function draw() {
  const image = context.createImageData(canvas.width, canvas.height);
  for (let bucket = 0; bucket < map.bucketCount; bucket += 1) {
    const light = Math.min(255, chainLength(bucket) * 70);
    image.data.set([light >> 1, light, 40 + (light >> 2), 255], bucket * 4);
  }
  context.putImageData(image, 0, 0);
  const rows = Object.entries(figures()).map(
    ([name, [own, counted]]) => `<tr><td>${name}</td><td>${own}</td><td>${counted}</td></tr>`,
  );
  const head = '<tr><td></td><td>the load says</td><td>the core says</td></tr>';
  document.querySelector('#figures').innerHTML = head + rows.join('');
}

/** What the load counted beside what stands in the core's memory. */
export function figures() {
  const workers = Array.from({ length: WORKERS }, (_, worker) => {
    return workerFigures(core.view, worker).counters;
  });
  const sum = (name) => workers.reduce((all, counters) => all + counters[name], 0);
  const free = core.view.getUint32(layout.HEADER_FREE_COUNT, true);
  return {
    connections: [load.made - load.removed, CONNECTIONS - free],
    'packets received': [load.sent, sum('received')],
    'packets forwarded': [load.forwarded, sum('forwarded')],
  };
}

let waiting = 0;

/** A batch for each thread; the next one when both are done. */
function next() {
  draw();
  const isOver = load.made >= TOTAL;
  document.querySelector('#state').textContent = isOver ? 'done' : 'running';
  if (isOver) return;
  const nowMs = performance.now();
  for (const worker of workers) {
    worker.postMessage({ keys: Array.from({ length: BATCH / WORKERS }, make), nowMs });
    waiting += 1;
  }
  while (kept.length > LIVE) {
    const { entry, number } = kept.shift();
    load.removed += core.remove(owner, entry, 1, number);
  }
}

const workers = Array.from({ length: WORKERS }, (_, worker) => {
  const thread = new Worker(new URL('worker.mjs', import.meta.url), { type: 'module' });
  thread.addEventListener('message', ({ data }) => {
    load.sent += data.sent;
    load.forwarded += data.forwarded;
    waiting -= 1;
    if (waiting === 0) setTimeout(next, 5);
  });
  thread.postMessage({ module, memory, worker });
  return thread;
});
next();
