// A switch whose service dispatches each request, and connections that its servers have.
import type { Handoff } from '../../../src/channel/messages.ts';
import { Client, REQUEST, serverOf } from './client.ts';
import { Rig, testConfig } from './rig.ts';

export async function readyRig(servers: number): Promise<Rig> {
  const base = testConfig(servers);
  const services = [{ ...base.services[0]!, requests: 'per-request' as const }];
  const rig = await Rig.make(testConfig(servers, { services }));
  for (let server = 1; server <= servers; server += 1) {
    const hello = rig.helloOf(server);
    const capabilities = [...hello.capabilities, 'release'];
    rig.feed({ kind: 'channel-up', peer: `server${server}`, hello: { ...hello, capabilities } });
    rig.message(server, { type: 'resync', entries: [], last: true });
  }
  return rig;
}

/** A client whose first request a server has. */
export function followed(rig: Rig, port = 40_000) {
  const client = new Client(rig, { port });
  client.open();
  client.send(REQUEST);
  const handoff = rig.last('handoff') as Handoff;
  const server = serverOf(rig, handoff);
  rig.message(server, { type: 'ready', id: handoff.id });
  rig.take();
  return { client, handoff, server };
}
