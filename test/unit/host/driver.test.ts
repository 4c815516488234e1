import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { monotonicMs } from '../../../src/clock.ts';
import type { Message } from '../../../src/channel/messages.ts';
import type { Effects, PlaneEvent } from '../../../src/event.ts';
import { Driver } from '../../../src/host/driver.ts';
import { Doorbell } from '../../../src/workers/doorbell.ts';
import {
  FromControlReader,
  FromControlWriter,
  ToControlReader,
} from '../../../src/workers/rings.ts';
import { examples } from '../../support/messages.ts';
import { queueForControl, workerMemory } from '../../support/worker-memory.ts';

const driver = suite('driver');
const NOTHING: Effects = { packets: [], messages: [], deadlineMs: Infinity };

function setUp(
  receive: (event: PlaneEvent, nowMs: number) => Effects,
  ringBytes = 4096,
  rest?: (ms: number) => void,
) {
  const shared = workerMemory(2, ringBytes);
  const { memory } = shared;
  const sent: [string, Message][] = [];
  const held: number[][] = [];
  const faults: unknown[] = [];
  const events: PlaneEvent[] = [];
  const driver = new Driver({
    plane: {
      receive(event, nowMs) {
        events.push(event);
        return receive(event, nowMs);
      },
    },
    core: { held: (...parts) => held.push(parts) },
    owner: 9,
    toControl: new ToControlReader(memory),
    fromControl: new FromControlWriter(memory, [{ wake() {} }, { wake() {} }]),
    doorbell: new Doorbell(memory),
    send: (to, message) => to !== 'down' && sent.push([to, message]) > 0,
    nowMs: monotonicMs,
    onFault: (error) => faults.push(error),
    ...(rest && { rest }),
  });
  return { shared, driver, events, sent, held, faults };
}

function kinds(events: PlaneEvent[]): string[] {
  return events.map((event) => event.kind);
}

driver(
  'what a worker queues reaches the plane when the doorbell rings, and answers go back',
  async () => {
    const { shared, driver, events, sent } = setUp((event) =>
      event.kind === 'packet'
        ? {
            packets: [{ worker: 1, packet: event.packet }],
            messages: [{ to: 'server1', message: { type: 'ping' } }],
            deadlineMs: Infinity,
          }
        : NOTHING,
    );
    driver.start();
    await delay(5);
    queueForControl(shared, 0, { queue: L.QUEUE_OPEN, packet: Uint8Array.of(1, 2, 3) });
    new Doorbell(shared.memory).ring();
    await delay(20);
    assert.equal(kinds(events), ['time', 'packet']);
    assert.equal(sent, [['server1', { type: 'ping' }]]);
    const at = new FromControlReader(shared.memory, 1).oldest();
    assert.is(shared.view.getUint32(at + L.RING_PACKET_LENGTH, true), 3);
    await driver.stop();
    driver.receive({ kind: 'time' });
    assert.is(events.length, 2);
  },
);

driver('the plane is called at its deadline, at the newest one', async () => {
  const started = monotonicMs();
  const { driver, events } = setUp((event, nowMs) => {
    if (event.kind === 'message') return { ...NOTHING, deadlineMs: nowMs + 30 };
    return { ...NOTHING, deadlineMs: nowMs - started < 20 ? nowMs + 5000 : Infinity };
  });
  driver.start();
  driver.receive({ kind: 'message', from: 'server1', message: { type: 'ping' } });
  await delay(100);
  assert.equal(kinds(events), ['time', 'message', 'time']);
  await driver.stop();
});

driver('what was queued before a deadline is heard before it, however much it is', async () => {
  const count = 500;
  const { shared, driver, events } = setUp((event, nowMs) => {
    return { ...NOTHING, deadlineMs: event.kind === 'message' ? nowMs + 1 : Infinity };
  }, 65_536);
  driver.receive({ kind: 'message', from: 'server1', message: { type: 'ping' } });
  for (let left = count; left > 0; left -= 1) {
    queueForControl(shared, 0, { queue: L.QUEUE_OPEN, packet: Uint8Array.of(1, 2, 3) });
  }
  await delay(100);
  assert.equal(kinds(events), ['message', ...Array<string>(count).fill('packet'), 'time']);
  await driver.stop();
});

driver(
  'while events come fast, the messages of a turn leave together, before the rest',
  async () => {
    const id = { run: 1, counter: 2 };
    const handoff = { ...examples['handoff'], id } as Message;
    const log: string[] = [];
    const { shared, driver, events, sent } = setUp(
      (event) => {
        log.push(event.kind);
        if (event.kind !== 'packet') return NOTHING;
        const to = event.packet[0] === 1 ? 'down' : 'server1';
        return { ...NOTHING, messages: [{ to, message: handoff }] };
      },
      65_536,
      () => log.push(`rest ${sent.length}`),
    );
    driver.start();
    for (let mark = 0; mark < 200; mark += 1) {
      queueForControl(shared, 0, { queue: L.QUEUE_OPEN, packet: Uint8Array.of(mark, 2, 3) });
    }
    new Doorbell(shared.memory).ring();
    await delay(20);
    const first = log.findIndex((each) => each.startsWith('rest'));
    // a ring is read in turns of 128 records; the first of them is not paced yet
    assert.is(log[first], 'rest 127');
    queueForControl(shared, 0, { queue: L.QUEUE_OPEN, packet: Uint8Array.of(1, 2, 3) });
    new Doorbell(shared.memory).ring();
    await delay(20);
    const failed = { type: 'failed', id, delivered: 'no', reason: 'channel down or full' };
    const failures = events.filter((event) => event.kind === 'message');
    const failure = { kind: 'message', from: 'down', message: failed };
    assert.equal(failures, [failure, failure]);
    assert.is(sent.length, 199);
    const rests = log.filter((each) => each.startsWith('rest')).length;
    await delay(100);
    assert.ok(rests > 1);
    await driver.stop();
  },
);

driver('a held packet that finds its ring full is counted as given up', async () => {
  const { driver, held } = setUp((event) =>
    event.kind === 'message'
      ? { ...NOTHING, packets: [{ worker: 0, packet: new Uint8Array(5000), rewrite: 3 }] }
      : NOTHING,
  );
  driver.receive({ kind: 'message', from: 'server1', message: { type: 'ping' } });
  assert.equal(held, [[9, 3, 0, 0, 1]]);
  await driver.stop();
});

driver('a handoff that cannot be sent fails at once, with nothing delivered', async () => {
  const id = { run: 1, counter: 2 };
  const { driver, events } = setUp((event) =>
    event.kind === 'time'
      ? {
          ...NOTHING,
          messages: [{ to: 'down', message: { ...examples['handoff'], id } as Message }],
        }
      : NOTHING,
  );
  driver.receive({ kind: 'time' });
  const failed = { type: 'failed', id, delivered: 'no', reason: 'channel down or full' };
  assert.equal(events[1], { kind: 'message', from: 'down', message: failed });
  assert.is(events.length, 2);
  await driver.stop();
});

driver('a plane that fails is reported and goes on', async () => {
  const { driver, faults } = setUp((event) => {
    if (event.kind === 'message') throw new Error('planted');
    return NOTHING;
  });
  driver.receive({ kind: 'message', from: 'server1', message: { type: 'ping' } });
  driver.receive({ kind: 'channel-down', peer: 'server1' });
  assert.match(String(faults[0]), /planted/);
  assert.is(driver.faults, 1);
  assert.is(driver.events['channel-down'], 1);
  await driver.stop();
});

driver.run();
