// What embedders import. Two ways to use it: a whole host in this process (loadConfig, runHost), or only
// the data plane in a memory of one's own (createCore, or the steps that it consists of).

/** The data plane and its memory. */
export { compileCore, Core, createCore, instantiateCore } from './core.ts';
export type { CoreBuild } from './core.ts';
export { createMemory, memoryMap, writeMemoryMap } from './memory-map.ts';
export type { ServicePlace } from './service-rows.ts';
export type { MemoryMap, MemoryMapOptions, MemoryPart, ServiceNetwork } from './memory-map.ts';

/** Offsets, sizes, states and flags of all that lies in that memory; verdicts, drop reasons, counters. */
export * as calls from '../assembly/calls.ts';
export * as layout from '../assembly/layout.ts';
export * as verdict from '../assembly/verdict.ts';

/** Entries and records by index, and the template through which they are changed. */
export { Connections, stateName } from './connections.ts';
export { Template } from './template.ts';
export type { LocalTuple } from './tuple.ts';

/** A whole host, as `baton run` starts it. */
export { runHost } from './run.ts';
export type { HealthView, RunningHost, RunOptions } from './run.ts';
export { loadConfig, parseConfig } from './config/load.ts';
export { ConfigError } from './config/problem.ts';
export type { Problem } from './config/problem.ts';
export type { Config } from './config/config.ts';
