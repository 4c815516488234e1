// A client that begins anew on the ports of a connection whose request it never finished.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../../../assembly/wire/tcp.ts';
import { Client, REQUEST } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('switch, reuse');

/** `older` is half-way through a request; `younger` has had its SYN-ACK before that. */
async function bothBegun(text: string): Promise<{ rig: Rig; older: Client; younger: Client }> {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const older = new Client(rig, { isn: 1000 });
  const younger = new Client(rig, { isn: 900_000 });
  older.open(false);
  younger.open(false);
  older.flag(TCP_ACK);
  if (text !== '') older.send(text);
  rig.take();
  return { rig, older, younger };
}

for (const text of ['', 'GET / HT']) {
  test(`reuse: a younger handshake takes the ports, after "${text}"`, async () => {
    const { rig, younger } = await bothBegun(text);
    younger.flag(TCP_ACK);
    assert.equal(rig.take(), [], 'no challenge: client and switch would answer each other');
    younger.send(REQUEST);
    assert.is(rig.count('handoff'), 1);
    assert.is(rig.last('handoff').clientIsn, younger.isn);
    assert.is(rig.plane.stats().openings.gathering, 0);
  });

  test(`reuse: a SYN after "${text}" is challenged, the client's RST frees its ports`, async () => {
    const { rig, older } = await bothBegun(text);
    const again = new Client(rig, { isn: 7_000_000 });
    const syn = again.packet({ flags: TCP_SYN, sequence: again.isn, acknowledgment: 0 });
    rig.deliver(syn);
    const [challenge, ...more] = rig.take();
    assert.equal(more, []);
    assert.is(challenge!.flags, TCP_ACK);
    assert.is(challenge!.acknowledgment, older.next);
    // RFC 9293 section 3.10.7.3: an ACK that is not of its SYN gets an RST
    again.flag(TCP_RST, { sequence: challenge!.acknowledgment });
    assert.equal(rig.take(), []);
    again.open();
    again.send(REQUEST);
    assert.is(rig.last('handoff').clientIsn, again.isn);
  });
}

test('reuse: a late acknowledgment of an older handshake ends nothing', async () => {
  const { rig, older, younger } = await bothBegun('');
  younger.flag(TCP_ACK);
  younger.send(REQUEST.slice(0, 8));
  older.flag(TCP_ACK, { payload: new TextEncoder().encode(REQUEST) });
  assert.is(rig.count('handoff'), 0);
  assert.is(younger.state(), L.STATE_GATHERING);
  younger.send(REQUEST.slice(8));
  assert.is(rig.last('handoff').clientIsn, younger.isn);
});

test.run();
