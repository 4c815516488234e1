// How long the table's chains become with the keyed hash and with the papers' address XOR port.
import * as L from '../../assembly/layout.ts';
import { createCore, type Core } from '../../src/core.ts';
import { Random } from '../../src/lab/random.ts';
import { POPULATIONS, type Peer } from '../../test/support/populations.ts';
import type { Sheet } from '../report/sheet.ts';
import { SEEDS, writeEntry } from './load.ts';

const CLIENTS = 65_536;

interface Chains {
  /** entries that a packet of each connection looks at, on average */
  mean: number;
  longest: number;
  /** connections that found their chain full */
  refused: number;
}

/** Entry after entry of every bucket; nobody writes. */
function walk({ view }: Core): Omit<Chains, 'refused'> {
  const word = (at: number): number => view.getUint32(at, true);
  const buckets = word(L.HEADER_BUCKET_BASE);
  const end = buckets + word(L.HEADER_BUCKET_COUNT) * L.BUCKET_SIZE;
  let [longest, entries, looks] = [0, 0, 0];
  for (let bucket = buckets; bucket < end; bucket += L.BUCKET_SIZE) {
    let length = 0;
    let next = word(bucket + L.BUCKET_HEAD);
    for (; next !== 0; next = word(word(L.HEADER_ENTRY_BASE) + (next - 1) * L.ENTRY_SIZE)) {
      length += 1;
      looks += length;
    }
    entries += length;
    longest = Math.max(longest, length);
  }
  return { mean: looks / entries, longest };
}

async function fill(
  table: 'keyed' | 'paper',
  population: (index: number) => Peer,
): Promise<Chains> {
  const core = await createCore({
    role: 'switch',
    table,
    connections: CLIENTS,
    workers: 1,
    seeds: SEEDS,
  });
  const owner = core.nextOwner();
  let refused = 0;
  for (let index = 0; index < CLIENTS; index += 1) {
    writeEntry(core, L.CONTROL_TEMPLATE, 4, population(index));
    if (core.insert(owner, L.CONTROL_TEMPLATE) >= L.NO_ENTRY - 1) refused += 1;
  }
  return { ...walk(core), refused };
}

/** The ratio is how many times more entries a packet looks at with XOR than with the keyed hash. */
export async function compareChains(sheet: Sheet, subject: string): Promise<void> {
  const random = new Random(1);
  const anywhere = (): Peer => ({ address: random.next(), port: 1024 + random.below(60_000) });
  for (const [name, population] of Object.entries({ ...POPULATIONS, anywhere })) {
    const keyed = await fill('keyed', population);
    const xor = await fill('paper', population);
    const unit = 'entries/packet';
    sheet.figure({ subject: `${subject}, ${name}`, form: 'keyed', unit, samples: [keyed.mean] });
    sheet.figure({ subject: `${subject}, ${name}`, form: 'XOR', unit, samples: [xor.mean] });
    sheet.ratio(`${subject}, ${name}`, xor.mean / keyed.mean);
    const told = ({ longest, refused }: Chains): string => `${longest}, ${refused} refused`;
    sheet.note(`longest chain, ${name}: keyed ${told(keyed)}; XOR ${told(xor)}`);
  }
}
