// One monotonic clock for all threads of the process: performance.now() begins at each thread's start, so
// every thread measures once how far it is behind the system's. hrtime itself would make a BigInt per call.

function measureOffsetMs(): number {
  let best = Infinity;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    // a pause between the two calls can only make the difference larger
    const sinceStart = performance.now();
    best = Math.min(best, Number(process.hrtime.bigint()) / 1e6 - sinceStart);
  }
  return best;
}

const offsetMs = measureOffsetMs();

/** Milliseconds of the host's monotonic clock; the same in every thread, never goes back. */
export function monotonicMs(): number {
  return performance.now() + offsetMs;
}

/** Milliseconds since 1970; for cookie epochs and what people read, never for deadlines. */
export function wallMs(): number {
  return Date.now();
}
