// What embedders import as `baton`: the data plane alone, in a memory of one's own. It needs nothing but a
// JavaScript engine with WebAssembly; with Node, Bun or Deno the core is read from beside this file.
//
//   const core = await createCore(options);         // memory, its map, the core, the pool of entries
//   const slots = new Slots(core.memory);           // packets in
//   slots.put(0, packet);
//   core.forward(0, 1, performance.now());          // worker 0, one slot
//   if (slots.verdict(0) === verdict.VERDICT_FORWARD) send(slots.packet(0));
//
// Threads share the memory: post `core.memory` and a compiled module to each, and call instantiateCore()
// there; each forwards the slots of a worker of its own. Entries are changed by insert, update and remove
// with an owner's id (core.nextOwner()), from any thread. docs/package.md has a whole program.

/** The core, step by step or at once. */
export { compileCore, Core, createCore, instantiateCore } from './core.ts';
export type { CoreBuild } from './core.ts';

/** Where everything lies in a memory: its size follows from the options. */
export { createMemory, memoryMap, writeMemoryMap } from './memory-map.ts';
export type { MemoryMap, MemoryMapOptions, MemoryPart, ServiceNetwork } from './memory-map.ts';
export type { ServicePlace } from './service-rows.ts';

/** Offsets, sizes, states and flags of all that lies there; verdicts, drop reasons, counters. */
export * as calls from '../assembly/calls.ts';
export * as layout from '../assembly/layout.ts';
export * as verdict from '../assembly/verdict.ts';

/** Packets in and out. */
export { Slots } from './slots.ts';

/** Packets that the core has left to control: opening requests, what it held back, closes. */
export { ToControlReader } from './workers/rings.ts';
export type { PacketEvent } from './event.ts';

/** Entries and records by index, and the template through which insert() and update() are told. */
export { Connections, stateName } from './connections.ts';
export { Template } from './template.ts';
export type { LocalTuple } from './tuple.ts';

/** Counters by name, and drops by reason. */
export { workerFigures } from './admin/counters.ts';
export type { Counters, WorkerFigures } from './admin/counters.ts';
