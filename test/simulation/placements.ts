import type { Random } from '../../src/lab/random.ts';
import type { Placement } from './cluster.ts';
import { drawGroupFaults } from './group-faults.ts';
import { withFaults } from './scenario.ts';
import type { DispatcherFault, Scenario } from './scenario.ts';

/** From when on the switches of a group ask nobody before a handoff. */
const SETTLED_MS = 10_500;

/** What is drawn for one switch, in that placement. */
export function placed(scenario: Scenario, placement: Placement, random: Random): Scenario {
  return PLACED[placement](scenario, random);
}

const PLACED: Record<Placement, (scenario: Scenario, random: Random) => Scenario> = {
  single: (scenario) => scenario,
  multiple: inMultiple,
  'co-located': coLocated,
  group: inGroup,
  dying: withDeaths,
};

/** All that may happen to one switch, and one or two dispatchers that come and go. */
function inMultiple(scenario: Scenario, random: Random): Scenario {
  const dispatchers = random.pick([1, 1, 2]);
  const cluster = { ...scenario.cluster, placement: 'multiple' as const, dispatchers };
  return { ...scenario, cluster, dispatcherFaults: drawFaults(random, dispatchers) };
}

/** The same trouble for its packets, and for dispatchers; nobody else dies, and channels hold. */
function coLocated(scenario: Scenario, random: Random): Scenario {
  const dispatchers = random.pick([0, 1, 1, 2]);
  const cluster = { ...scenario.cluster, placement: 'co-located' as const, dispatchers };
  return { ...scenario, cluster, faults: [], dispatcherFaults: drawFaults(random, dispatchers) };
}

/** Two switches, with troubles of their own; each connection's requests are one server's. */
function inGroup(scenario: Scenario, random: Random): Scenario {
  const group = { placement: 'group', requests: 'per-connection' } as const;
  const cluster = { ...scenario.cluster, ...group };
  const faults = drawGroupFaults(random, cluster.servers);
  // some begin when the switches know each other for long enough to ask nobody
  const laterMs = random.chance(0.6) ? SETTLED_MS : 0;
  for (const fault of faults) fault.atMs += laterMs;
  for (const { connections } of scenario.clients) {
    for (const connection of connections) connection.startMs += laterMs;
  }
  return { ...scenario, cluster, ...withFaults(faults, scenario.isPressed) };
}

/** Connections that rest for seconds; the links of servers' hosts, or their control channels, are cut. */
function withDeaths(scenario: Scenario, random: Random): Scenario {
  const servers = Math.max(2, scenario.cluster.servers);
  const dying = { placement: 'dying', requests: 'per-request', servers, deviceLoss: 0 } as const;
  const applications = Array.from({ length: servers }, (_, index) => {
    const application = scenario.applications[index] ?? scenario.applications[0];
    return application ? { ...application, idleMs: random.pick([3000, 15_000]) } : null;
  });
  for (const { connections } of scenario.clients) {
    for (const connection of connections) {
      connection.patienceMs = 45_000;
      for (const request of connection.requests.slice(1)) {
        request.thinkMs = random.pick([0, 700, 2500, 4000, 6000]);
      }
    }
  }
  const faults = Array.from({ length: random.between(1, 2) }, () => ({
    kind: random.pick(['dark', 'cut'] as const),
    server: random.below(servers),
    atMs: random.between(3000, 9000),
    forMs: random.pick([1500, 3000, 6000, 10_000, 45_000]),
  }));
  const cluster = { ...scenario.cluster, ...dying };
  const outlook = withFaults(faults, scenario.isPressed);
  // a server that ends a connection which rests may cross the next request
  return { ...scenario, cluster, applications, ...outlook, isOnlyCut: false };
}

function drawFaults(random: Random, dispatchers: number): DispatcherFault[] {
  if (dispatchers === 0) return [];
  return Array.from({ length: random.below(5) }, () => ({
    kind: random.pick(['crash', 'cut', 'slow'] as const),
    dispatcher: random.below(dispatchers),
    atMs: random.between(1200, 7000),
    forMs: random.pick([5, 50, 400, 1500, 4000]),
    byMs: random.pick([10, 90, 150, 1000]),
  }));
}
