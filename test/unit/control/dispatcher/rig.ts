import type { Loads, Policy } from '../../../../src/control/dispatcher/policy.ts';

export interface Begun {
  loads: Loads;
  /** every server may be chosen */
  all: Uint8Array;
}

/** Starts a policy over servers with these weights and connections. */
export function begin(
  policy: Policy,
  weights: number[],
  active: number[] = weights.map(() => 0),
  random: () => number = () => 0.5,
): Begun {
  const loads = {
    active: Int32Array.from(active),
    weight: Float64Array.from(weights),
    share: new Float64Array(weights.length).fill(1),
    identity: Uint32Array.from(weights, (_, index) => 1000 + index),
  };
  policy.init({ members: weights.map((_, index) => index), loads, random });
  return { loads, all: new Uint8Array(weights.length).fill(1) };
}
