// All of the papers' experiments, in the order of their pages.
import { costPage, measureCosts } from './costs.ts';
import type { Costs } from './costs.ts';
import { frontEndPage, measureFrontEnds } from './front-ends.ts';
import type { FrontFigures } from './front-ends.ts';
import { PLANS, localityPage, measureLocality } from './locality.ts';
import type { Locality } from './locality.ts';
import { batchingPage, measureBatching } from './batching.ts';
import type { BatchRow } from './batching.ts';
import { measureMixes, mixPage } from './mixes.ts';
import type { MixFigures } from './mixes.ts';
import type { Page } from './page.ts';
import { placementPage } from './placements.ts';
import { measureInLab, splicingPage } from './splicing.ts';
import type { LabCosts } from './splicing.ts';

export interface Everything {
  localities: Locality[];
  mixes: MixFigures[];
  frontEnds: FrontFigures;
  costs: Costs;
  /** undefined: no lab could be made */
  inLab: LabCosts | undefined;
  batches: BatchRow[];
}

/** `say`: what is measured now. */
export async function measureAll(say: (what: string) => void): Promise<Everything> {
  const localities = PLANS.map((plan) => {
    say(`policies over the ${plan.published.name} trace`);
    return measureLocality(plan);
  });
  say('CAP against LARD');
  const mixes = measureMixes();
  say('balance of front ends');
  const frontEnds = measureFrontEnds();
  say('cost of a connection');
  const costs = await measureCosts();
  say('handoff against splicing, in the lab');
  const inLab = await measureInLab();
  say('a dispatcher with and without batches');
  return { localities, mixes, frontEnds, costs, inLab, batches: await measureBatching() };
}

export function pagesOf(measured: Everything): Page[] {
  const { localities, mixes, frontEnds, costs, inLab, batches } = measured;
  return [
    localityPage(localities),
    mixPage(mixes),
    frontEndPage(frontEnds),
    costPage(costs),
    splicingPage(inLab?.sizes),
    batchingPage(batches),
    placementPage(inLab && { handoff: inLab.sizes[0]!.handoff.front, front: inLab.front }),
  ];
}
