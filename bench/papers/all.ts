// All of the papers' experiments, in the order of their pages.
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
}

/** `say`: what is measured now. */
export function measureAll(say: (what: string) => void): Everything {
  const localities = PLANS.map((plan) => {
    say(`policies over the ${plan.published.name} trace`);
    return measureLocality(plan);
  });
  say('CAP against LARD');
  const mixes = measureMixes();
  say('balance of front ends');
  return { localities, mixes, frontEnds: measureFrontEnds() };
}

export function pagesOf({ localities, mixes, frontEnds }: Everything): Page[] {
  return [localityPage(localities), mixPage(mixes), frontEndPage(frontEnds)];
}
