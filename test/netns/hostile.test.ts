import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHash } from 'node:crypto';
import { streamBytes } from '../../src/lab/byte-stream.ts';
import type { WireFigures } from '../../src/lab/wire.ts';
import { withLab } from '../support/lab.ts';

const hostile = suite('hostile lab');
const LENGTH = 5_000_000;
const CONDITIONS = { lossPercent: 2, delayMs: 5, reorderPercent: 2, seed: 1 };

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

hostile('bytes arrive as they were sent over a link that loses, delays and reorders', () =>
  withLab({ servers: 1, hostile: CONDITIONS }, async (lab) => {
    const script = [
      `curl -s -o /dev/null -w '%{time_connect} ' $BATON_URL/`,
      `curl -s $BATON_URL/bytes/${LENGTH} | sha256sum`,
      `curl -s -T - $BATON_URL/ && sleep 0.7`,
    ].join(' && ');
    const upload = streamBytes(0, LENGTH);
    const { stdout } = await lab.run('client', ['sh', '-c', script], { input: upload });
    const digest = digestOf(upload);
    const [connectSeconds, down, , up] = stdout.trim().split(/\s+/);
    assert.is(down, digest);
    assert.is(up, digest);
    assert.ok(Number(connectSeconds) >= 0.01, `two delays of 5 ms: ${connectSeconds} s`);
    const line = lab.file('router.relay.log').trim().split('\n').at(-1)!;
    const figures = JSON.parse(line) as Record<'there' | 'back', WireFigures>;
    for (const { taken, lost, late } of Object.values(figures)) {
      for (const hit of [lost, late]) assert.ok(hit > taken / 100 && hit < taken / 33, line);
    }
  }),
);

hostile.run();
