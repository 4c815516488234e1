import { NO_SERVER } from './policy.ts';
import { TargetTable } from './target-table.ts';

/** Which server knows a target, session or client, by hash: bounded, what was not asked for longest goes. */
export class Affinities {
  private readonly table: TargetTable;
  private readonly servers: Uint16Array;

  constructor(capacity: number) {
    this.table = new TargetTable(capacity);
    this.servers = new Uint16Array(this.table.places);
  }

  /** The server's index, or NO_SERVER. */
  get(key: number): number {
    const place = this.table.find(key);
    return place < 0 ? NO_SERVER : this.servers[place]!;
  }

  set(key: number, server: number): void {
    const place = this.table.find(key);
    this.servers[place < 0 ? this.table.claim(key) : place] = server;
  }

  clear(): void {
    this.table.clear();
  }
}
