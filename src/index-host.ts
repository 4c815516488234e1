// What embedders import as `baton/host`: a whole host in this process, as `baton run` starts it. It needs
// Node on Linux, the package's dependencies, and the rights to make a device.
export { runHost } from './run.ts';
export type { HealthView, RunningHost, RunOptions } from './run.ts';

/** The configuration, from a file or from a text. */
export { loadConfig, parseConfig } from './config/load.ts';
export { ConfigError } from './config/problem.ts';
export type { Problem } from './config/problem.ts';
export type { Config } from './config/config.ts';
