// Hosts with control channels on this machine's loopback, and their keys.
import { ControlChannels } from '../../src/channel/control-channel.ts';
import type { ControlChannelsOptions } from '../../src/channel/control-channel.ts';
import { makeAuthority, makeHostKeys } from '../../src/channel/keygen.ts';
import type { Hello, Message } from '../../src/channel/messages.ts';
import { examples } from './messages.ts';

export const authority = await makeAuthority();
export const stranger = await makeAuthority();
const keys = async (name: string, by = authority, ca = authority) => ({
  ...(await makeHostKeys(by, name)),
  ca: ca.cert,
});
export const TLS = {
  switch: await keys('switch'),
  server1: await keys('server1'),
  mallory: await keys('switch', stranger),
};
export const LOCALHOST = Uint8Array.of(127, 0, 0, 1);

export function helloOf(name: string, role: string): Hello {
  return { ...(examples['hello'] as Hello), name, roles: [role] };
}

/** A host that writes down what happens; the agent answers a hello with its own. */
export class Host {
  readonly channels: ControlChannels;
  readonly log: string[] = [];
  readonly messages: Message[] = [];
  constructor(name: string, options: Partial<ControlChannelsOptions>, answers = false) {
    this.channels = new ControlChannels({
      name,
      hello: () => helloOf(name, answers ? 'agent' : 'switch'),
      timing: { pingIntervalMs: 20, peerTimeoutMs: 200, leaseMs: 1000 },
      now: () => performance.now(),
      on: {
        up: (peer, hello) => {
          this.log.push(`up ${peer} ${hello.roles.join()}`);
          if (answers) this.channels.send(peer, helloOf(name, 'agent'));
        },
        down: (peer) => void this.log.push(`down ${peer}`),
        message: (peer, message) => {
          this.log.push(`${message.type} from ${peer}`);
          this.messages.push(message);
        },
        notice: (text) => void this.log.push(`notice: ${text}`),
      },
      ...options,
    });
  }
  async until(what: string | RegExp, count = 1, withinMs = 5000): Promise<void> {
    const matches = (line: string): boolean =>
      typeof what === 'string' ? line === what : what.test(line);
    const deadline = performance.now() + withinMs;
    while (this.log.filter(matches).length < count) {
      if (performance.now() > deadline) {
        throw new Error(`no ${String(what)} x${count} in:\n${this.log.join('\n')}`);
      }
      await wait(5);
    }
  }
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const running: ControlChannels[] = [];
async function started(host: Host): Promise<Host> {
  running.push(host.channels);
  await host.channels.start();
  return host;
}
export async function agent(options: Partial<ControlChannelsOptions> = {}): Promise<Host> {
  const listen = { address: LOCALHOST, port: 0 };
  return started(new Host('server1', { tls: TLS.server1, listen, ...options }, true));
}
export async function dialing(
  port: number,
  options: Partial<ControlChannelsOptions> = {},
): Promise<Host> {
  const target = { name: 'server1', address: { address: LOCALHOST, port } };
  return started(new Host('switch', { tls: TLS.switch, dial: [target], ...options }));
}

/** Stops every host that was started. */
export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((channels) => channels.stop()));
}
