// The sets of capabilities(7) that a process has.
export interface CapabilitySets {
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
  ambient: bigint;
}

/** Reads them from the text of /proc/PID/status. */
export function readCapabilities(status: string): CapabilitySets {
  const set = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^Cap${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
  return {
    effective: set('Eff'),
    permitted: set('Prm'),
    inheritable: set('Inh'),
    ambient: set('Amb'),
  };
}
