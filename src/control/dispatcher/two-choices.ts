import { NO_SERVER, leastLoaded, loadOf } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';

const TRIES = 8;

/** The less loaded of two drawn at random (Mitzenmacher 2001), each by its weight's chance. */
export class TwoChoices implements Policy {
  private context: PolicyContext | undefined;

  init(context: PolicyContext): void {
    this.context = context;
  }

  parse(): number {
    return 0;
  }

  select(_target: number, usable: Uint8Array): number {
    if (!this.context) return NO_SERVER;
    const one = this.draw(usable);
    const other = this.draw(usable);
    return loadOf(this.context, other) < loadOf(this.context, one) ? other : one;
  }

  /** With few usable ones left the draw is given up: the least loaded is no worse. */
  private draw(usable: Uint8Array): number {
    const { members, random } = this.context!;
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const server = members[Math.floor(random() * members.length)]!;
      if (usable[server] === 1) return server;
    }
    return leastLoaded(this.context!, usable);
  }

  shutdown(): void {
    this.context = undefined;
  }
}
