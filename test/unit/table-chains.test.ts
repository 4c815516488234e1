// How long the longest chain becomes when clients' addresses and ports are chosen against the table.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { tableView } from '../../src/admin/views.ts';
import { createCore } from '../../src/core.ts';
import { Connections } from '../../src/connections.ts';
import { POPULATIONS, type Peer } from '../support/populations.ts';
import { Random } from '../../src/lab/random.ts';

const test = suite('chains');
const CLIENTS = 100_000;
const LONGEST = 16;
const VIP = Uint8Array.of(192, 0, 2, 80);

async function longestChain(population: (index: number) => Peer, seed: number): Promise<number> {
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
  return tableView(connections).longestChain;
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
