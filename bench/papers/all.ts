// All of the papers' experiments, in the order of their pages.
import { PLANS, localityPage, measureLocality } from './locality.ts';
import type { Locality } from './locality.ts';
import type { Page } from './page.ts';

export interface Everything {
  localities: Locality[];
}

/** `say`: what is measured now. */
export function measureAll(say: (what: string) => void): Everything {
  return {
    localities: PLANS.map((plan) => {
      say(`policies over the ${plan.published.name} trace`);
      return measureLocality(plan);
    }),
  };
}

export function pagesOf({ localities }: Everything): Page[] {
  return [localityPage(localities)];
}
