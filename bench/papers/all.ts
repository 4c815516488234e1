// All of the papers' experiments, in the order of their pages.
import { costPage, measureCosts } from './costs.ts';
import type { Costs } from './costs.ts';
import { frontEndPage, measureFrontEnds } from './front-ends.ts';
import type { FrontFigures } from './front-ends.ts';
import { PLANS, localityPage, measureLocality } from './locality.ts';
import type { Locality } from './locality.ts';
import { measureMixes, mixPage } from './mixes.ts';
import type { MixFigures } from './mixes.ts';
import type { Page } from './page.ts';

export interface Everything {
  localities: Locality[];
  mixes: MixFigures[];
  frontEnds: FrontFigures;
  costs: Costs;
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
  return { localities, mixes, frontEnds, costs: await measureCosts() };
}

export function pagesOf({ localities, mixes, frontEnds, costs }: Everything): Page[] {
  return [localityPage(localities), mixPage(mixes), frontEndPage(frontEnds), costPage(costs)];
}
