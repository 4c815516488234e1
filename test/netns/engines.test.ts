// Megabytes both ways through the engines that the other tests do not use, with several workers on one queue:
// the short part of the acceptance line `suite`.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../src/packet-io/engine.ts';
import { withLab, type Family } from '../support/lab.ts';
import { canLoadBpf } from '../support/rights.ts';
import { streamDigest, streamFile } from '../support/transfer.ts';

const test = suite('engines in a lab');
const BYTES = 5_000_000;
const PLANS: [Engine, Family][] = [['packet', 'IPv6'], ...xdpPlans()];

function xdpPlans(): [Engine, Family][] {
  return canLoadBpf() ? [['xdp', 'IPv4']] : [];
}

for (const [engine, family] of PLANS) {
  test(`${engine}, ${family}: every byte of a download and an upload is right`, () =>
    withLab({ servers: 2, workers: 2, engine, family }, async (lab) => {
      const file = streamFile(lab, BYTES);
      const client = async (command: string): Promise<string> =>
        (await lab.run('client', ['sh', '-c', command])).stdout.trim();
      const down = await client(`curl -sS -m 20 "$BATON_URL/bytes/${BYTES}" | sha256sum`);
      assert.is(down, `${streamDigest(BYTES)}  -`);
      const up = await client(`curl -sS -m 20 -T ${file} "$BATON_URL/upload/1"`);
      assert.is(up, streamDigest(BYTES));
    }));
}

test.run();
