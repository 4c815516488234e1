// One round of the core over packets: what every comparison of it measures.
import * as L from '../../assembly/layout.ts';
import type { Core } from '../../src/core.ts';
import { NOW_MS, STRIDE } from './load.ts';

const BATCH = 256;
const FEW = 100_000; // fewer packets than these are passed over again and again
const PASSED = 400_000;

/** Packets in a worker's slots. */
export interface Packets {
  core: Core;
  /** address of the first packet's slot */
  base: number;
  packets: number;
  /** all slots as they are before a pass */
  fresh: Uint8Array;
}

/** How often one round passes over so many packets. */
export function passesOf(packets: number): number {
  return packets < FEW ? Math.ceil(PASSED / packets) : 1;
}

/** Nanoseconds per packet; fresh packets before every pass, outside the clock. */
export function measurePasses({ core, base, packets, fresh }: Packets, worker = 0): number {
  const passes = passesOf(packets);
  const record = core.view.getUint32(L.HEADER_WORKER_BASE, true) + worker * L.WORKER_SIZE;
  let spent = 0n;
  for (let pass = 0; pass < passes; pass += 1) {
    core.bytes.set(fresh, base);
    const begin = process.hrtime.bigint();
    for (let first = 0; first < packets; first += BATCH) {
      core.view.setUint32(record + L.WORKER_SLOT_BASE, base + first * STRIDE, true);
      core.forward(worker, Math.min(BATCH, packets - first), NOW_MS);
    }
    spent += process.hrtime.bigint() - begin;
  }
  core.view.setUint32(record + L.WORKER_SLOT_BASE, base, true);
  return Number(spent) / passes / packets;
}
