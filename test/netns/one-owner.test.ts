// Two switches of a group that do not reach each other while routes turn: the short part of the acceptance
// line `one-owner`.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { PEERS, cut, judge, markedLoad, strikeFelt, withGroupLab } from '../support/one-owner.ts';
import { reshuffle } from '../support/reshuffle.ts';

const test = suite('one owner');
const LOAD = { seconds: 4, newPerSecond: 20, idle: 10, askMs: 200, slowHeads: 4, transfers: 4 };
const CUT_MS = 1800;

test('one owner: each connection is one server\u2019s while the switches do not reach each other', () =>
  withGroupLab(async (lab, servers) => {
    const load = markedLoad(lab, { ...LOAD, prefix: 'short' });
    const turning = reshuffle(lab, 8, 400);
    await sleep(500);
    assert.ok(await strikeFelt(lab, cut(PEERS, 'both', CUT_MS), CUT_MS), 'they lose each other');
    const outcomes = await load;
    await turning;
    const logs = servers.map((server) => server.log());
    const { requests, answered, broken, ...wrong } = judge(outcomes, logs);
    assert.equal(wrong, { onTwoServers: [], ofTwoServers: [], ranTwice: [], neverRan: [] });
    assert.ok(answered >= 0.9 * requests, `${answered} of ${requests}, ${broken.length} broken`);
  }));

test.run();
