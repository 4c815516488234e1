// ICMP errors about a server's first packets, which may be here before its `ready`.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK } from '../../../../assembly/wire/tcp.ts';
import { buildError, type ErrorParts } from '../../../support/icmp-packets.ts';
import { handed, type Client } from '../client.ts';
import { CLIENT, CLIENT6, rigUp, VIP, VIP6 } from '../rig.ts';

const test = suite('ICMP error');

function errorAbout(client: Client): ErrorParts {
  const { six } = client;
  const about = {
    source: six ? VIP6 : VIP,
    sourcePort: 80,
    destination: six ? CLIENT6 : CLIENT,
    destinationPort: client.port,
    sequence: client.ack,
    flags: TCP_ACK,
    payload: new Uint8Array(1400),
  };
  const kind = six ? { type: 2, rest: 1300 } : { type: 3, code: 4, rest: 1300 };
  return { ...kind, source: six ? CLIENT6 : CLIENT, about, length: 120 };
}

for (const six of [false, true]) {
  const name = six ? 'IPv6' : 'IPv4';

  test(`ICMP error: ${name}: held until the server is ready, then sent after it, once`, async () => {
    const rig = await rigUp();
    const { client, handoff, server } = handed(rig, { six });
    const error = errorAbout(client);
    rig.deliver(buildError(error));
    client.flag(TCP_ACK);
    assert.equal(rig.raw, []);
    rig.message(server, { type: 'ready', id: handoff.id });
    assert.is(client.state(), L.STATE_FORWARD);
    const address = rig.connections.server(client.entry()).slice();
    const about = { ...error.about, source: address, sourcePort: 80 };
    const [sent, ack] = rig.raw;
    const source = six ? VIP6 : VIP;
    assert.equal(sent, buildError({ ...error, about, source, hops: 64 }));
    assert.ok(ack);
    assert.is(rig.raw.length, 2);
  });

  test(`ICMP error: ${name}: it is held within the limit, and the connection drains`, async () => {
    const rig = await rigUp();
    const { client, handoff, server } = handed(rig, { six });
    for (let second = 0; second < 4; second += 1) {
      rig.wait(1000);
      for (let count = 0; count < 16; count += 1)
        rig.deliver(buildError({ ...errorAbout(client), length: 1240 }));
    }
    const { heldPackets, heldDropped } = rig.plane.stats();
    assert.ok(heldDropped > 0 && heldPackets > 32, `${heldPackets} ${heldDropped}`);
    rig.message(server, { type: 'ready', id: handoff.id });
    assert.is(client.state(), L.STATE_FORWARD);
    assert.is(rig.raw.length, heldPackets);
  });

  test(`ICMP error: ${name}: of a handshake or a connection without a server nothing is kept`, async () => {
    const rig = await rigUp();
    const { client, handoff, server } = handed(rig, { six });
    rig.paused = true;
    rig.deliver(buildError(errorAbout(client)));
    const delivered = 'maybe' as const;
    rig.message(server, { type: 'failed', id: handoff.id, delivered, reason: 'test' });
    rig.paused = false;
    rig.drain();
    assert.is(rig.raw.filter((packet) => packet[six ? 6 : 9] === (six ? 58 : 1)).length, 0);
    // as long as the cookie of its handshake is good
    rig.wait(400_000);
    assert.is(client.state(), L.STATE_FREE);
  });
}

test.run();
