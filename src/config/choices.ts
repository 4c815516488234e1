// The words among which a configuration chooses, and constants that its defaults share.

/** Policies by the name that a pool uses. */
export const POLICIES = [
  'round-robin',
  'least-connections',
  'two-choices',
  'lard',
  'lard-replicated',
  'lard-cost',
  'cap',
  'maglev',
  'bounded-load',
] as const;
/** Those for which it is the same what a request asks for, and those with classes of their own. */
export const WITHOUT_TARGET: readonly PolicyName[] = [
  'round-robin',
  'least-connections',
  'two-choices',
  'cap',
];
/** How a service's servers read a path; strict: any of the others, so the readings must agree. */
export const PATHS = ['strict', 'raw', 'rfc3986', 'merge-slashes'] as const;
/** The papers' components, the last being theirs on a server's host. */
export const ROLES = ['switch', 'distributor', 'dispatcher', 'agent'] as const;
/** For which requests of a connection rules and policy decide: the first one, or each. */
export const REQUESTS = ['per-connection', 'per-request'] as const;
/** By what a client is brought back to its server. */
export const AFFINITIES = ['none', 'session'] as const;
/** What a service's clients speak: what the switch reads before it chooses a server. */
export const PROTOCOLS = ['http', 'tls', 'tcp'] as const;
/** What of a client a service with protocol tcp chooses a server by. */
export const DISPATCHES = ['syn', 'ack'] as const;

/** How packets come and go. */
export const ENGINES = ['auto', 'tun', 'packet', 'xdp'] as const;
export type EngineChoice = (typeof ENGINES)[number];

/** Where the papers' components run (Aron et al. 2000, figures 5 to 7); layer4: nothing is read. */
export const PLACEMENTS = ['single', 'multiple', 'co-located', 'layer4'] as const;
export type Placement = (typeof PLACEMENTS)[number];

/**
 * How a lab's switches are reached: apart, each by VIPs of its own; as spares, all by the same VIPs, which
 * the router sends to whoever has the floating next hop; or by equal routes to each for the same VIPs.
 */
export const FRONTS = ['apart', 'spare', 'ecmp'] as const;
export type Front = (typeof FRONTS)[number];

/** LARD's thresholds where a pool says nothing (Pai et al. 1998), connections. */
export const LARD = { tLow: 25, tHigh: 65 } as const;

export type ProtocolName = (typeof PROTOCOLS)[number];
export type PathsName = (typeof PATHS)[number];
export type DispatchName = (typeof DISPATCHES)[number];
export type PolicyName = (typeof POLICIES)[number];
export type Role = (typeof ROLES)[number];
