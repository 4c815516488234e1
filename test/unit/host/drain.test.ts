import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { monotonicMs } from '../../../src/clock.ts';
import { Connections } from '../../../src/connections.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../../src/memory-map.ts';
import { countActive, whenNoneIsLeft } from '../../../src/host/drain.ts';

const test = suite('drain');

test('drain: comes back as soon as nothing is under way', async () => {
  const counts = [3, 2, 0, 5];
  assert.is(await whenNoneIsLeft(() => counts.shift()!, monotonicMs() + 5000), 0);
  assert.equal(counts, [5]);
});

test('drain: comes back at the limit with what is left, at once when there is no time', async () => {
  const beganMs = monotonicMs();
  assert.is(await whenNoneIsLeft(() => 7, beganMs + 60), 7);
  const tookMs = monotonicMs() - beganMs;
  assert.ok(tookMs >= 59 && tookMs < 2000, `${tookMs}`);
  assert.is(await whenNoneIsLeft(() => 4, monotonicMs()), 4);
});

test('drain: only handed-off connections with something in the last two seconds count', () => {
  const map = memoryMap({ role: 'agent', connections: 64, workers: 1, seeds: [1n, 2n] });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  const connections = new Connections(memory.buffer);
  const put = (entry: number, state: number, seenSeconds: number): void => {
    const at = connections.entryAddress(entry);
    connections.view.setUint32(at + L.ENTRY_STATE, state, true);
    connections.view.setUint32(at + L.ENTRY_LAST_SEEN, seenSeconds, true);
  };
  put(0, L.STATE_FORWARD, 100);
  put(1, L.STATE_FORWARD, 98);
  put(2, L.STATE_FORWARD, 97);
  put(3, L.STATE_DRAINING, 99);
  put(4, L.STATE_CLOSED, 100);
  put(5, L.STATE_REPLAYING, 100);
  assert.is(countActive(connections, 100_900), 3);
  assert.is(countActive(connections, 103_000), 0);
});

test.run();
