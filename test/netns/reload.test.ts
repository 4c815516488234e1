// A running switch gets broken and good configurations while a client keeps its connections.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { send } from '../../src/lab/send.ts';
import { Operator, changed, refusals } from '../reload/reloads.ts';
import { withLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';

const test = suite('reload of a switch');

test('reload: broken files change nothing, a good one applies, kept connections stay', () =>
  withLab({ servers: 3 }, async (lab) => {
    const operator = new Operator(lab);
    assert.ok((await operator.hangUp(operator.good)).ok);
    const client = programFile('keep-alive-client');
    const kept = lab.run('client', ['node', client, '192.0.2.80', '80', '10', '6']);
    assert.equal(await refusals(operator, 10), []);
    const { status, output } = await operator.command(changed(operator.good));
    assert.is(status, 0, output);
    assert.match(output, '~ servers[server2].weight: 2 -> 1');
    const results = await send(lab, { targets: ['/a', '/b', '/new/a'] });
    const from = results.map(({ text }) => /server=(.*?);/.exec(text)?.[1]);
    assert.equal(from.toSorted(), ['server2', 'server2', 'server3']);
    assert.ok((await operator.hangUp(operator.good)).ok);
    const { failed, requests } = JSON.parse((await kept).stdout) as Record<string, unknown>;
    assert.equal(failed, []);
    assert.ok((requests as number) > 10);
  }));

test.run();
