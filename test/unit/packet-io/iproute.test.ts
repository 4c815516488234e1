import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ip, readSysctl, writeSysctl } from '../../../src/packet-io/iproute.ts';
import { runInNamespace } from '../../support/namespace.ts';

const inside = suite('iproute');

inside('ip and kernel settings: errors name the command and the setting', async () => {
  await writeSysctl('net/ipv4/conf/default/rp_filter', 2);
  assert.is(await readSysctl('net/ipv4/conf/default/rp_filter'), '2');
  const said = await ip('route', 'add', '10.1.2.0/24', 'dev', 'nowhere').catch((error) => error);
  assert.match(said.message, /ip route add 10.1.2.0\/24 dev nowhere: .*Cannot find device/);
  const missing = await writeSysctl('net/ipv4/no/such', 1).catch((error) => error);
  assert.match(missing.message, /kernel setting net\/ipv4\/no\/such/);
});

runInNamespace(inside, 1);
