// How long the longest chain becomes when clients' addresses and ports are chosen against the table.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { createCore } from '../../src/core.ts';
import { Connections } from '../../src/connections.ts';
import { Random } from '../support/random.ts';

const test = suite('chains');
const CLIENTS = 100_000;
const LONGEST = 16;
const VIP = Uint8Array.of(192, 0, 2, 80);

interface Client {
  address: number;
  port: number;
}

const POPULATIONS: Record<string, (index: number) => Client> = {
  // address XOR port is the same for all of a /16: all in one bucket of the papers' table
  'chosen against the XOR': (index) => ({
    address: ((10 << 24) | (index & 0xffff) | ((index >>> 16) << 16)) >>> 0,
    port: (index & 0xffff) ^ 0x5555,
  }),
  '250 hosts of one network, consecutive ports': (index) => ({
    address: 0xc6336400 + 1 + (index % 250),
    port: 32_768 + Math.floor(index / 250),
  }),
  'two addresses of a NAT, all ports': (index) => ({
    address: 0xc6336401 + (index & 1),
    port: 1024 + (index >>> 1),
  }),
  'one port, consecutive addresses': (index) => ({ address: 0x0a000000 + index, port: 40_000 }),
};

async function longestChain(population: (index: number) => Client, seed: number): Promise<number> {
  const random = new Random(seed);
  const word = (): bigint => (BigInt(random.next()) << 32n) | BigInt(random.next());
  const core = await createCore(
    {
      role: 'switch',
      connections: CLIENTS,
      workers: 1,
      seeds: [word(), word()],
      services: [{ address: VIP, port: 80 }],
    },
    'single',
  );
  const connections = new Connections(core.memory.buffer);
  const owner = core.nextOwner();
  for (let index = 0; index < CLIENTS; index += 1) {
    const { address, port } = population(index);
    const client = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
    const key = { client, clientPort: port, local: VIP, localPort: 80 };
    connections.template().state(L.STATE_FORWARD).key(key);
    const entry = core.insert(owner, L.CONTROL_TEMPLATE);
    if (!connections.isIndex(entry)) throw new Error(`client ${index} was not taken: ${entry}`);
  }
  return longestIn(core.view);
}

function longestIn(view: DataView): number {
  const header = (field: number): number => view.getUint32(field, true);
  let longest = 0;
  for (let index = 0; index < header(L.HEADER_BUCKET_COUNT); index += 1) {
    let next = header(header(L.HEADER_BUCKET_BASE) + index * L.BUCKET_SIZE + L.BUCKET_HEAD);
    let length = 0;
    for (; next !== 0; length += 1) {
      next = header(header(L.HEADER_ENTRY_BASE) + (next - 1) * L.ENTRY_SIZE + L.ENTRY_NEXT);
    }
    longest = Math.max(longest, length);
  }
  return longest;
}

for (const [name, population] of Object.entries(POPULATIONS)) {
  test(`chains: 100,000 clients, ${name}: at most 16 in the keyed table`, async () => {
    for (const seed of [1, 2]) {
      const longest = await longestChain(population, seed);
      assert.ok(longest <= LONGEST, `${longest} with seed ${seed}`);
    }
  });
}

test.run();
