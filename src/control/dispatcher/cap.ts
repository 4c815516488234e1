import { Pattern } from './pattern.ts';
import { NO_SERVER } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';

/**
 * Client-aware policy (Andreolini et al. 2003, section 3): round robin within each class of requests, so
 * that every server gets its share of those that load the network, the CPU and the disk. A class is a
 * pattern over the path, the first that matches; the rest is a class too.
 */
export class Cap implements Policy {
  private readonly classes: Pattern[];
  /** by class: position in members that is next */
  private readonly next: Uint32Array;
  private context: PolicyContext | undefined;

  constructor(classes: readonly string[] = []) {
    this.classes = classes.map((text) => new Pattern(text));
    this.next = new Uint32Array(classes.length + 1);
  }

  init(context: PolicyContext): void {
    this.context = context;
    this.next.fill(0);
  }

  parse(request: RequestHead): number {
    const { from, to } = request.path;
    const found = this.classes.findIndex((pattern) => pattern.matches(request.bytes, from, to));
    return found < 0 ? this.classes.length : found;
  }

  select(target: number, usable: Uint8Array): number {
    const members = this.context?.members ?? [];
    const kind = Math.min(target, this.classes.length);
    for (let step = 0; step < members.length; step += 1) {
      const position = (this.next[kind]! + step) % members.length;
      const server = members[position]!;
      if (usable[server] !== 1) continue;
      this.next[kind] = (position + 1) % members.length;
      return server;
    }
    return NO_SERVER;
  }

  shutdown(): void {
    this.context = undefined;
  }
}
