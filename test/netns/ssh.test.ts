// SSH through the switch, which reads nothing of it: by SYN and by ACK, over IPv4 and IPv6.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VIP4, VIP6 } from '../../src/lab/topology.ts';
import { hasOtherUsers, ONE_USER } from '../support/rights.ts';
import { ACK_PORT, SYN_PORT, ssh, withSsh } from '../support/ssh.ts';
import { streamDigest, streamFile } from '../support/transfer.ts';

const test = suite('ssh');
const LENGTH = 3_000_000;

const WHAT = 'ssh: commands, bytes both ways and the client seen as itself';
const check = (): Promise<void> =>
  withSsh(async (lab) => {
    const file = streamFile(lab, LENGTH);
    const digest = streamDigest(LENGTH);
    for (const [address, port] of [
      [VIP4, SYN_PORT],
      [VIP6, ACK_PORT],
    ] as const) {
      const target = { address, port };
      const down = await ssh(lab, target, `cat ${file}`, (run) => `${run} | sha256sum`);
      assert.ok(down.stdout.startsWith(digest), down.stderr);
      const up = await ssh(lab, target, 'sha256sum', (run) => `${run} < ${file}`);
      assert.ok(up.stdout.startsWith(digest), up.stderr);
      const { stdout } = await ssh(lab, target, 'echo $SSH_CONNECTION');
      assert.is(stdout.split(' ')[0], address === VIP4 ? '10.80.1.2' : 'fd80:1::2');
    }
  });

if (hasOtherUsers()) test(WHAT, check);
else test.skip(`${WHAT}: ${ONE_USER}`);

test.run();
