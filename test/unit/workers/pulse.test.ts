import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pulse } from '../../../src/workers/pulse.ts';

const pulse = suite('pulse');
const LOOKS = 6;

/** Looks at one heartbeat so often; the look that found it stopped, from 1, or 0. */
function look(at: Pulse, heartbeat: number, isPassing: boolean, times: number): number {
  for (let turn = 1; turn <= times; turn += 1) if (at.hasStopped(heartbeat, isPassing)) return turn;
  return 0;
}

pulse('a heartbeat that stands still counts as stopped after six looks, once', () => {
  const at = new Pulse();
  assert.is(look(at, 5, true, 20), LOOKS + 1);
  assert.is(look(at, 5, true, 20), LOOKS);
});

pulse('one that moves, however slowly, or that need not move has not stopped', () => {
  const at = new Pulse();
  for (let beat = 0; beat < 5; beat += 1) assert.is(look(at, beat, true, LOOKS), 0);
  assert.is(look(at, 5, false, 50), 0);
  assert.is(look(at, 5, true, LOOKS - 1), 0);
  assert.is(look(at, 5, false, 1), 0);
  assert.is(look(at, 5, true, LOOKS - 1), 0);
});

pulse.run();
