// The loads that the core's comparisons have names for.
import type { LoadShape } from './load.ts';

const HOT = 256; // one batch: it stays in the caches, as after a read from a device
const STREAM = 500_000;
const KI = 1000;
const MI = 1000 * KI;

const IPV4 = { family: 4, order: 'uniform', packets: STREAM } as const;

export const LOADS = {
  '1 k uniform, streaming': { ...IPV4, connections: KI },
  '1 k uniform, cache-hot': { ...IPV4, connections: KI, packets: HOT },
  '64 k uniform, streaming': { ...IPV4, connections: 64 * KI },
  '64 k zipf, streaming': { ...IPV4, connections: 64 * KI, order: 'zipf' },
  '1 M uniform, streaming': { ...IPV4, connections: MI },
  '1 M zipf, streaming': { ...IPV4, connections: MI, order: 'zipf' },
  '10 M uniform, streaming': { ...IPV4, connections: 10 * MI },
  '10 M zipf, streaming': { ...IPV4, connections: 10 * MI, order: 'zipf' },
} satisfies Record<string, LoadShape>;
export type LoadName = keyof typeof LOADS;
