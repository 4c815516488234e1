// One client port open to all VIPs of two switches at once: the same agents serve both.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXPECTED, agentFile, askAll, withSeveralVips } from '../support/several-vips.ts';
import { streamDigest } from '../support/transfer.ts';

const test = suite('several VIPs');
const PORT = 40_001;

test('several VIPs: each place that one client port is open to answers by its own server', () =>
  withSeveralVips(async (lab) => {
    assert.not.match(agentFile(lab, 'server1'), /switch|192\.0\.2\./);
    const targets = Object.keys(EXPECTED);
    const named = await askAll(lab, PORT, '/who', targets);
    assert.equal(
      named.map(({ text }) => /server=(.*?);/.exec(text)?.[1]),
      Object.values(EXPECTED),
    );
    const long = await askAll(lab, PORT, '/bytes/1000000', targets);
    for (const { digest, from } of long) assert.is(digest, streamDigest(1_000_000), from);
  }));

test.run();
