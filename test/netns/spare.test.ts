// The active switch is killed, and the spare takes the router's next hop over: the short part of the
// acceptance line `switch-death`.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { killProgram } from '../../src/lab/strikes.ts';
import { withLab } from '../support/lab.ts';
import { underLoad } from '../support/switch-death.ts';

const test = suite('spare');
const PLAN = {
  idle: 10,
  downloads: 1,
  uploads: 1,
  newPerSecond: 10,
  rate: 500_000,
  beforeS: 3,
  afterS: 4,
};

test('spare: it takes over a download, an upload and idle connections, and answers new clients', () =>
  withLab({ servers: 2, switches: 2, front: 'spare' }, async (lab) => {
    const strike = () => killProgram(lab, 'switch', 'baton');
    const { idle, downloads, uploads, visits } = await underLoad(lab, PLAN, strike);
    assert.equal(idle, Array(PLAN.idle).fill(''));
    assert.equal([downloads, uploads], [[''], ['']]);
    assert.ok(visits.length >= PLAN.newPerSecond * (PLAN.afterS - 3));
    assert.equal([...new Set(visits.map(({ outcome }) => outcome))], ['200']);
    const { forwarded } = (await lab.stats('switch2')).total.counters;
    assert.ok(forwarded! > 0, 'by the spare');
  }));

test.run();
