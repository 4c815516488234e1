// A lab for floods: services of each kind, and what is looked at while strangers come.
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TableView } from '../../src/admin/views.ts';
import { withLab, type TestLab, type TestLabOptions } from '../support/lab.ts';
import { routeStrangers } from './senders.ts';

/** Clients that must not notice. */
export const LIVE = 50;
/** Services of which nothing is read: dispatched by SYN, and by ACK. */
export const SYN_PORT = 81;
export const ACK_PORT = 82;

export interface ControlFigures {
  openings: Record<string, number>;
  halfReadLimit: number;
  halfReadEvicted: number;
  farewellsLimit: number;
  farewellsCut: number;
  closedEvicted: number;
  tableFull: number;
  unprovenEvicted: number;
  refused: Record<string, number>;
  resets: Record<string, number>;
  failedReasons: Record<string, number>;
}

export const table = async (lab: TestLab): Promise<TableView> => (await lab.stats('switch')).table;
export const figures = async (lab: TestLab) =>
  (await lab.stats('switch')).control as ControlFigures;
/** A lab with a service that is read and two of which nothing is; `more`: YAML beside them. */
export async function withServices(
  more: string,
  body: (lab: TestLab) => Promise<void>,
  options: Partial<TestLabOptions> = {},
): Promise<void> {
  const config = join(tmpdir(), `baton-floods-${process.pid}.yaml`);
  const vip = 'vip: [192.0.2.80], pool: default';
  const services = [
    `{ name: web, ${vip} }`,
    `{ name: by-syn, ${vip}, port: ${SYN_PORT}, protocol: tcp, serverPort: 80 }`,
    `{ name: by-ack, ${vip}, port: ${ACK_PORT}, protocol: tcp, on: ack, serverPort: 80 }`,
  ];
  const lines = services.map((service) => `  - ${service}\n`).join('');
  writeFileSync(config, `services:\n${lines}${more}\n`);
  try {
    await withLab({ servers: 2, server: 'echo', config, ...options }, async (lab) => {
      await routeStrangers(lab);
      await body(lab);
    });
  } finally {
    rmSync(config);
  }
}

/** Greatest of what is seen every 200 ms until the work is done. */
export async function greatest(
  lab: TestLab,
  seen: (stats: { table: TableView; control: ControlFigures }) => number,
  work: Promise<unknown>,
): Promise<number> {
  let most = 0;
  const look = async (): Promise<void> => {
    const { table: view, control } = await lab.stats('switch');
    most = Math.max(most, seen({ table: view, control: control as ControlFigures }));
  };
  const watching = setInterval(() => void look(), 200);
  await work.finally(() => clearInterval(watching));
  await look();
  return most;
}
