import { LARD } from '../../src/config/choices.ts';

/** LARD as its paper writes it down (Pai et al. 1998, figure 2), servers of equal weight. */
export class PlainLard {
  readonly #load: number[];
  readonly #server = new Map<number, number>();

  constructor(servers: number) {
    this.#load = Array.from({ length: servers }, () => 0);
  }

  assign(target: number): number {
    const load = this.#load;
    const least = (): number => load.indexOf(Math.min(...load));
    let server = this.#server.get(target) ?? least();
    const isHot = load[server]! > LARD.tHigh && Math.min(...load) < LARD.tLow;
    if (isHot || load[server]! >= 2 * LARD.tHigh) server = least();
    this.#server.set(target, server);
    load[server]! += 1;
    return server;
  }

  release(server: number): void {
    this.#load[server]! -= 1;
  }
}
