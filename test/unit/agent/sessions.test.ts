import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import type { Message } from '../../../src/channel/messages.ts';
import { AgentRig, ID } from '../../support/agent-rig.ts';
import {
  TICKET_EXTENSION,
  VERSIONS_EXTENSION,
  certificate,
  newSessionTicket,
  record,
  serverHello,
} from '../../support/flight-model.ts';
import { concat } from '../../support/hello-model.ts';
import { makeHandoff } from '../../support/server-kernel.ts';

const test = suite('sessions');
const SESSION = new Uint8Array(32).fill(5);
const TICKET = new Uint8Array(180).fill(6);

async function serving(sessions: boolean): Promise<AgentRig> {
  const rig = await AgentRig.make();
  rig.up();
  rig.message(makeHandoff({ sessions })).settle();
  rig.message({ type: 'confirm', ids: [ID] });
  rig.takeMessages();
  return rig;
}

function isWatched(rig: AgentRig): boolean {
  return (rig.connections.flags(rig.entries[0]!) & L.FLAG_WATCHED) !== 0;
}

function say(rig: AgentRig, ...records: Uint8Array[]): void {
  for (const bytes of records) rig.server.sockets[0]!.send(bytes);
  rig.settle();
}

function told(rig: AgentRig, ...sessions: Uint8Array[]): Message[] {
  return sessions.map((bytes) => {
    rig.connections.writeBuffer(bytes);
    const key = rig.core.hashTarget(L.CONTROL_BUFFER, bytes.length);
    return { type: 'session', id: ID, key };
  });
}

test('sessions: the giver is told id and ticket of TLS 1.2, then the server is left alone', async () => {
  const rig = await serving(true);
  assert.ok(isWatched(rig));
  const hello = serverHello({ session: SESSION, extensions: [TICKET_EXTENSION] });
  say(rig, record(concat(hello, certificate(900))));
  assert.equal(rig.takeMessages(), told(rig, SESSION));
  assert.ok(isWatched(rig));
  say(rig, record(newSessionTicket(TICKET)), record(Uint8Array.of(1), 20));
  assert.equal(rig.takeMessages(), told(rig, TICKET));
  assert.not(isWatched(rig));
  say(rig, record(newSessionTicket(SESSION)));
  assert.equal(rig.takeMessages(), []);
});

test('sessions: of TLS 1.3 nothing is told', async () => {
  const rig = await serving(true);
  const extensions = [VERSIONS_EXTENSION];
  say(rig, record(serverHello({ session: SESSION, extensions })));
  assert.equal(rig.takeMessages(), []);
  assert.not(isWatched(rig));
});

test('sessions: a handoff that does not ask for them is not watched', async () => {
  const rig = await serving(false);
  assert.not(isWatched(rig));
  say(rig, record(serverHello({ session: SESSION })));
  assert.equal(rig.takeMessages(), []);
});

test.run();
