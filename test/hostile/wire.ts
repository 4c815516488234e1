// Control channels over real sockets: a relay that changes bytes, and both directions full at once.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Handoff, Message } from '../../src/channel/messages.ts';
import { LOCALHOST, Host, TLS, agent, dialing, wait } from '../support/channel-hosts.ts';
import { examples } from '../support/messages.ts';
import type { Random } from '../../src/lab/random.ts';

interface Relay {
  port: number;
  /** bytes changed so far */
  changed: () => number;
  close: () => void;
}

/** Passes everything on, but changes one byte of each connection, somewhere in its first kilobytes. */
async function tamperingRelay(random: Random, port: number): Promise<Relay> {
  let changed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const victim = random.pick([near, far]);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      let left = from === victim ? random.below(4000) : Infinity;
      from.on('data', (chunk: Buffer) => {
        if (left < chunk.length) {
          chunk[left] = chunk[left]! ^ (1 << random.below(8));
          changed += 1;
          left = Infinity;
        } else left -= chunk.length;
        to.write(chunk);
      });
      from.on('error', () => {});
      from.on('close', () => void to.destroy());
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, changed: () => changed, close };
}

/** A message with a number in it, and padding. */
function numbered(number: number, bytes = 0): Handoff {
  const handoff = examples['handoff'] as Handoff;
  return { ...handoff, id: { run: 1, counter: number }, bytes: new Uint8Array(bytes) };
}

function numbersOf(messages: readonly Message[]): number[] {
  return messages.flatMap((each) => (each.type === 'handoff' ? [each.id.counter] : []));
}

/** What does not follow the one before it. */
function disorder(numbers: readonly number[]): string[] {
  return numbers.flatMap((number, index) =>
    index > 0 && number <= numbers[index - 1]! ? [`${number} after ${numbers[index - 1]}`] : [],
  );
}

/**
 * A switch sends numbered handoffs to an agent through the relay, over and over again, until `count`
 * bytes were changed. Every message that arrives must be one that was sent, each once, in order.
 */
export async function tampered(
  random: Random,
  count: number,
): Promise<{ changed: number; arrived: number; wrong: string[] }> {
  const server = await agent();
  const relay = await tamperingRelay(random, server.channels.port);
  const client = await dialing(relay.port, {
    timing: { pingIntervalMs: 20, peerTimeoutMs: 400, leaseMs: 1000 },
  });
  const wrong: string[] = [];
  let sent = 0;
  const endMs = performance.now() + 5000 * count;
  while (relay.changed() < count && performance.now() < endMs) {
    if (client.channels.send('server1', numbered(sent + 1, random.below(500)))) sent += 1;
    await wait(2);
  }
  relay.close();
  const numbers = numbersOf(server.messages);
  wrong.push(...disorder(numbers));
  for (const message of server.messages) {
    const known = message.type === 'handoff' && message.mss === numbered(1).mss;
    if (!known || message.id.counter > sent) wrong.push(`${message.type} was never sent`);
  }
  return { changed: relay.changed(), arrived: numbers.length, wrong };
}

/** Sends until the channel refuses, without a pause in which anything could leave. */
function fill(from: Host, to: string, next: number): { next: number; refused: number } {
  let number = next;
  while (from.channels.send(to, numbered(number, 32_000))) number += 1;
  return { next: number, refused: 1 };
}

/**
 * Both sides fill their queues in the same tick, `rounds` times; in between each side's thread is busy
 * for longer than the other's kernel buffers last. A side that waited for room before it reads would
 * wait for ever.
 */
export async function fullBothWays(rounds: number): Promise<{
  accepted: number;
  refused: number;
  wrong: string[];
}> {
  const timing = { pingIntervalMs: 100, peerTimeoutMs: 5000, leaseMs: 1000 };
  const listen = { address: LOCALHOST, port: 0 };
  const server = await agent({ timing, listen, tls: TLS.server1 });
  const client = await dialing(server.channels.port, { timing });
  await client.until('up server1 agent');
  let refused = 0;
  const next = { client: 1, server: 1 };
  for (let round = 0; round < rounds; round += 1) {
    for (const side of ['client', 'server'] as const) {
      const filled = fill(side === 'client' ? client : server, peerOf(side), next[side]);
      next[side] = filled.next;
      refused += filled.refused;
    }
    await wait(1);
  }
  const isDone = (): boolean =>
    numbersOf(server.messages).length >= next.client - 1 &&
    numbersOf(client.messages).length >= next.server - 1;
  for (let tries = 0; !isDone() && tries < 2000; tries += 1) await wait(5);
  const wrong = [...disorder(numbersOf(server.messages)), ...disorder(numbersOf(client.messages))];
  if (!isDone()) wrong.push('messages that were accepted did not arrive: deadlock');
  wrong.push(...[...server.log, ...client.log].filter((line) => line.startsWith('down')));
  return { accepted: next.client + next.server - 2, refused, wrong };
}

function peerOf(side: 'client' | 'server'): string {
  return side === 'client' ? 'server1' : 'switch';
}
