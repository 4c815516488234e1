// Checks over the handoff path: connections of the switch's own that are for one server.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Config } from '../../../../src/config/config.ts';
import { CLIENT, Rig, testConfig } from '../rig.ts';
import { Client, REQUEST } from '../client.ts';

const test = suite('probes');

async function rigOf(changes: Partial<Config['pools'][number]> = {}): Promise<Rig> {
  const config = testConfig(3);
  const [pool] = config.pools;
  const pools = [{ ...pool!, servers: ['server1', 'server2'], ...changes }];
  const rig = await Rig.make({ ...config, pools });
  for (let server = 1; server <= 3; server += 1) rig.up(server);
  return rig;
}

function note(rig: Rig, clientPort: number, server: string, isOver = false): void {
  rig.feed({ kind: 'probe', client: CLIENT, clientPort, server, isOver });
}

/** Servers that are asked for that client's request. */
function askedFor(rig: Rig, port: number): string[] {
  rig.messages = [];
  const client = new Client(rig, { port });
  client.open();
  client.send(REQUEST);
  return rig.messages.filter(({ message }) => message.type === 'handoff').map(({ to }) => to);
}

test('probes: a check goes to its server, whatever pool, operator and health say', async () => {
  const rig = await rigOf({ maxConnections: 1, queue: { length: 9, timeoutMs: 9000 } });
  rig.feed({ kind: 'mode', server: 'server2', mode: 'drain' });
  rig.feed({ kind: 'health', server: 'server1', pool: 'default', healthy: false });
  assert.equal(askedFor(rig, 41_000), [], 'a client waits');
  for (const [port, server] of [
    [42_001, 'server1'],
    [42_002, 'server1'],
    [42_003, 'server2'],
    [42_004, 'server3'],
  ] as const) {
    note(rig, port, server);
    assert.equal(askedFor(rig, port), [server]);
  }
  note(rig, 42_005, 'server1');
  note(rig, 42_005, 'server1', true);
  assert.equal(askedFor(rig, 42_005), [], 'it is over: that is a client');
  note(rig, 42_006, 'nobody');
  assert.equal(askedFor(rig, 42_006), []);
});

test('probes: a failed handoff is told at once, and no other server is asked', async () => {
  const rig = await rigOf({ queue: { length: 9, timeoutMs: 9000 } });
  note(rig, 42_000, 'server1');
  assert.equal(askedFor(rig, 42_000), ['server1']);
  const { id } = rig.last('handoff');
  rig.take();
  rig.message(1, { type: 'failed', id, delivered: 'no', reason: 'refused' });
  assert.is(rig.count('handoff'), 1);
  assert.match(new TextDecoder().decode(rig.take()[0]!.payload), / 503 /);
  rig.down(2);
  note(rig, 42_001, 'server2');
  askedFor(rig, 42_001);
  assert.match(new TextDecoder().decode(rig.take().at(-1)!.payload), / 503 /);
});

test.run();
