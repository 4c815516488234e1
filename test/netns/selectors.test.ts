// What chooses servers: the short part of the acceptance line of that name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FEW } from '../../src/lab/web-servers.ts';
import * as S from '../support/selectors.ts';

const test = suite('selectors');

test('selectors: targets keep their servers, a queue keeps limits, a sorry server stands in', () =>
  S.withSelectorsLab(async (lab) => {
    for (const kind of ['header', 'json']) {
      const { failed, torn, servers } = await S.spreadOf(lab, kind, 10, 2);
      assert.equal([kind, failed, torn], [kind, [], []]);
      assert.ok(servers > 1);
    }
    const { failed, most, queued } = await S.crowd(lab, 60, 30);
    assert.equal(failed, []);
    assert.is(most, FEW);
    assert.ok(queued > 10, String(queued));
    S.makeSick(lab, 'server1', true);
    assert.is(await S.untilAnswered(lab, '/two/a', 'server3'), 'server3');
    S.makeSick(lab, 'server1', false);
    assert.is(await S.untilAnswered(lab, '/two/a', 'server1,server2'), 'server1,server2');
  }));

test.run();
