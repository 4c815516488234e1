import { NO_SERVER, leastLoaded } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';

/** The server with the fewest connections for its weight (Aron et al. 2000, section 5.2). */
export class LeastConnections implements Policy {
  private context: PolicyContext | undefined;

  init(context: PolicyContext): void {
    this.context = context;
  }

  parse(): number {
    return 0;
  }

  select(_target: number, usable: Uint8Array): number {
    return this.context ? leastLoaded(this.context, usable) : NO_SERVER;
  }

  shutdown(): void {
    this.context = undefined;
  }
}
