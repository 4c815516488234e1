// One role in this process: the real core, one worker's forwarding over the memory device, and a plane. The
// bench carries packets and messages.
import { Connections } from '../../src/connections.ts';
import type { Core } from '../../src/core.ts';
import type { OutgoingMessage, Plane, PlaneEvent } from '../../src/event.ts';
import { MemoryDevice } from '../../src/packet-io/memory.ts';
import { Forwarding } from '../../src/workers/forwarding.ts';
import { FromControlWriter, ToControlReader } from '../../src/workers/rings.ts';

const RECORDS = 1024;

export class RolePart {
  readonly core: Core;
  readonly connections: Connections;
  readonly device: MemoryDevice;
  readonly plane: Plane;
  nowMs: number;
  readonly #forwarding: Forwarding;
  readonly #reader: ToControlReader;
  readonly #writer: FromControlWriter;
  #messages: OutgoingMessage[] = [];

  constructor(core: Core, plane: Plane, nowMs: number) {
    const { memory } = core;
    this.core = core;
    this.plane = plane;
    this.nowMs = nowMs;
    this.connections = new Connections(memory.buffer);
    this.device = new MemoryDevice(memory);
    const { device } = this;
    this.#forwarding = new Forwarding({
      core,
      memory,
      worker: 0,
      device,
      nowMs: () => this.nowMs,
    });
    this.#reader = new ToControlReader(memory);
    this.#writer = new FromControlWriter(memory, [{ wake() {} }]);
  }

  receive(event: PlaneEvent): void {
    const { packets, messages } = this.plane.receive(event, this.nowMs);
    for (const packet of packets) {
      if (!this.#writer.push(packet)) throw new Error('bench: the ring from control is full');
    }
    this.#messages.push(...messages);
  }

  /** What was said since the last call. */
  takeMessages(): OutgoingMessage[] {
    const taken = this.#messages;
    this.#messages = [];
    return taken;
  }

  /** Until nothing is left to do; returns the packets that left. */
  settle(): Uint8Array[] {
    for (let busy = true; busy;) {
      busy = this.#forwarding.pass() > 0;
      for (const event of this.#reader.read(RECORDS)) {
        busy = true;
        this.receive(event);
      }
    }
    return this.device.take().map(({ packet }) => packet);
  }
}
