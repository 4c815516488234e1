import type { Random } from '../../src/lab/random.ts';
import type { CutSide } from './control-link.ts';

/** A cut control channel, or a process that dies and is started anew, or is stopped for a while. */
export type Fault = {
  atMs: number;
  /** 0, or instead of a time: right behind that handoff, when nothing has come back yet */
  atHandoff?: number;
  /** Infinity: for ever */
  forMs: number;
} & (
  | { kind: 'restart'; of?: SwitchNumber } // of a switch
  | { kind: 'cut'; server: number; of?: SwitchNumber; side?: CutSide }
  | { kind: 'cut-peers'; side: CutSide }
  | { kind: 'crash'; server: number }
  | { kind: 'pause'; server: number }
  | { kind: 'dark'; server: number } // its host's link is down
  | { kind: 'pause-switch'; of: SwitchNumber }
);

/** Of the two switches of a group; the first one if omitted. */
export type SwitchNumber = 0 | 1;

const SIDES = ['both', 'dialer', 'listener'] as const;

/** What happens to two switches of a group and their agents, besides what the network does to packets. */
export function drawGroupFaults(random: Random, servers: number): Fault[] {
  const drawn = random.fraction();
  if (drawn < 0.3) return [];
  // what is away for long is all that happens: a second trouble beside it may be one too many
  if (drawn < 0.4) return [{ ...drawDeath(random), forMs: Infinity }];
  if (drawn < 0.55) {
    return [{ ...drawGroupFault(random, servers), forMs: random.between(5000, 15_000) }];
  }
  if (drawn < 0.7) return drawLateHandoff(random, servers);
  return Array.from({ length: random.between(1, 3) }, () => drawGroupFault(random, servers));
}

/** The switch dies, and the agent stands still, when nobody else knows who has the request. */
function drawLateHandoff(random: Random, servers: number): Fault[] {
  const atHandoff = random.between(1, 3);
  const forMs = random.pick([1500, 3000, 6000]);
  const pause = { kind: 'pause', server: random.below(servers), atHandoff, forMs } as const;
  const death = { ...drawDeath(random), atHandoff };
  return [{ ...pause, atMs: death.atMs }, death];
}

function drawGroupFault(random: Random, servers: number): Fault {
  const atMs = random.between(1500, 7000);
  const forMs = random.pick([50, 400, 1500, 4000]);
  const of = random.below(2) as SwitchNumber;
  const side = random.pick(SIDES);
  const server = random.below(servers);
  const drawn = random.fraction();
  if (drawn < 0.2) return drawDeath(random);
  if (drawn < 0.45) return { kind: 'cut-peers', atMs, forMs, side };
  if (drawn < 0.7) return { kind: 'cut', server, of, side, atMs, forMs };
  if (drawn < 0.9) return { kind: 'pause', server, atMs, forMs: random.pick([500, 1500, 3000]) };
  if (drawn < 0.95) return { kind: 'pause-switch', of, atMs, forMs: random.pick([500, 3000]) };
  return { kind: 'crash', server, atMs, forMs };
}

function drawDeath(random: Random): Fault {
  const of = random.below(2) as SwitchNumber;
  const forMs = random.pick([5, 400, 1500, 4000, 15_000]);
  const atHandoff = random.chance(0.6) ? random.between(1, 5) : 0;
  return { kind: 'restart', of, atMs: random.between(1500, 7000), atHandoff, forMs };
}
