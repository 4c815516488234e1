// Peers that say what they may not, and frames damaged in every way, against both planes with the real
// core. What belongs to others must stay as it is, byte for byte.
import * as L from '../../assembly/layout.ts';
import { decodeFrame, encodeFrame } from '../../src/channel/codec.ts';
import type { HandoffId, Message, Tuple } from '../../src/channel/messages.ts';
import type { Connections } from '../../src/connections.ts';
import type { PlaneEvent } from '../../src/event.ts';
import { makeHandoff } from '../support/server-kernel.ts';
import { AgentRig, servingRig, switchHello } from '../support/agent-rig.ts';
import { examples } from '../support/messages.ts';
import type { Random } from '../../src/lab/random.ts';
import { handed } from '../unit/control/client.ts';
import { rigUp, type Rig } from '../unit/control/rig.ts';
import { mutate, withTrueLength } from './mutate.ts';

export interface Outcome {
  frames: number;
  /** frames that decoded and went to a plane */
  understood: number;
  /** what changed, or threw; empty when nothing did */
  wrong: string[];
}

interface Target {
  id: HandoffId;
  tuple: Tuple;
  clientIsn: number;
}

/** A plane under attack: what it must not lose, and who attacks. */
interface Attack {
  name: string;
  peers: string[];
  targets: Target[];
  receive(event: PlaneEvent): void;
  /** what must not change */
  image(): string;
}

/** Everything that a peer may say about a connection. */
function about(random: Random, { id, tuple, clientIsn }: Target): Message {
  const close: Message = { type: 'close', id, tuple };
  const handoff = { ...makeHandoff(), id: random.chance(0.5) ? id : { ...id, run: id.run + 1 } };
  return random.pick<Message>([
    { type: 'ready', id },
    { type: 'failed', id, delivered: 'no', reason: 'forged' },
    { type: 'failed', id, delivered: 'maybe', reason: 'forged' },
    close,
    close,
    { type: 'confirm', ids: [id] },
    {
      type: 'confirm',
      ids: [id],
      of: random.pick(['ready', 'failed', 'close', 'update'] as const),
    },
    { ...(examples['update'] as Message & { type: 'update' }), id, tuple, clientIsn },
    { ...close, clientIsn },
    { type: 'resync', entries: [{ id, tuple, clientIsn }], last: random.chance(0.5) },
    { type: 'resync', entries: [], last: true },
    { ...handoff, tuple, clientIsn },
    examples['hello']!,
    examples['hello-answer']!,
    { type: 'load', openConnections: random.next() },
  ]);
}

/** `count` frames, half of them damaged, from peers that have no right to what they name. */
export function attackWith(random: Random, attack: Attack, count: number): Outcome {
  const outcome: Outcome = { frames: 0, understood: 0, wrong: [] };
  const before = attack.image();
  for (let round = 0; round < count; round += 1) {
    const target = random.pick(attack.targets);
    const message = about(random, target);
    let frame = encodeFrame(message, 1, 0);
    if (random.chance(0.5)) {
      const other = encodeFrame(about(random, target), 1, 0);
      frame = mutate(random, frame, other);
      if (random.chance(0.8)) frame = withTrueLength(frame);
    }
    const from = random.pick(attack.peers);
    outcome.frames += 1;
    try {
      const decoded = decodeFrame(frame);
      if ('error' in decoded) continue;
      outcome.understood += 1;
      attack.receive({ kind: 'message', from, message: decoded.message });
    } catch (error) {
      outcome.wrong.push(`${attack.name}: ${from} ${message.type}: ${(error as Error).stack}`);
    }
    if (round % 256 === 0 && attack.image() !== before) {
      outcome.wrong.push(`${attack.name}: something was applied before round ${round}`);
      return outcome;
    }
    if (outcome.wrong.length > 5) return outcome;
  }
  if (attack.image() !== before) outcome.wrong.push(`${attack.name}: something was applied`);
  return outcome;
}

/** The bytes of entries and of their records; when they were last used does not count. */
function imageOf(connections: Connections, entries: readonly number[]): string {
  return entries
    .map((entry) => {
      const state = connections.state(entry);
      const { run, counter } = connections.id(entry);
      const to = connections.server(entry).join('.');
      const fields = [L.RECORD_SERVER, L.RECORD_SERVICE].map((at) =>
        connections.record16(entry, at),
      );
      const isns = [L.RECORD_CLIENT_ISN, L.RECORD_SWITCH_ISN, L.RECORD_CLIENT_NEXT];
      const words = isns.map((at) => connections.record32(entry, at));
      const key = `${connections.client(entry).join('.')}:${connections.clientPort(entry)}`;
      return [entry, key, state, run, counter, to, ...fields, ...words].join(' ');
    })
    .join('\n');
}

/** A switch with connections at server1 and server2; server3 and a stranger attack. */
export async function switchAttack(): Promise<Attack> {
  const rig: Rig = await rigUp(3);
  const clients = Array.from({ length: 24 }, (_, index) => handed(rig, { port: 30000 + index }));
  const targets: Target[] = [];
  const entries: number[] = [];
  for (const [index, { client, handoff, server }] of clients.entries()) {
    if (server === 3) {
      // what it says of connections of its own would rightly be done: it has none
      rig.message(server, { type: 'ready', id: handoff.id });
      rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
      continue;
    }
    // every fourth handoff stays unanswered
    if (index % 4 !== 0) rig.message(server, { type: 'ready', id: handoff.id });
    targets.push({ id: handoff.id, tuple: handoff.tuple, clientIsn: client.isn });
    entries.push(client.entry());
  }
  const servers = () => rig.plane.stats().servers.slice(0, 2);
  return {
    name: 'switch',
    peers: ['server3', 'mallory', 'switch', ''],
    targets,
    receive: (event) => {
      rig.feed(event);
      rig.messages = [];
    },
    image: () => `${imageOf(rig.connections, entries)}\n${JSON.stringify(servers())}`,
  };
}

/** An agent that serves a connection of one switch; another group's switch and a stranger attack. */
export async function agentAttack(): Promise<Attack> {
  const rig: AgentRig = await servingRig();
  const entries = rig.entries;
  rig.up(switchHello({ name: 'other', group: 'other', run: 9, services: [] }), 'other');
  const { id, tuple, clientIsn } = makeHandoff();
  return {
    name: 'agent',
    peers: ['other', 'mallory', 'server1', ''],
    targets: [{ id, tuple, clientIsn }],
    receive: (event) => {
      rig.receive(event);
      rig.messages = [];
    },
    image: () => `${imageOf(rig.connections, entries)}\n${rig.server.kernel.openSockets}`,
  };
}

/** Damaged frames of the peer itself: whatever they do to its own connections, nothing throws. */
export async function damage(random: Random, count: number): Promise<Outcome> {
  const outcome: Outcome = { frames: 0, understood: 0, wrong: [] };
  const perRig = 2000;
  while (outcome.frames < count && outcome.wrong.length === 0) {
    const switches = await switchAttack();
    const agents = await agentAttack();
    for (let round = 0; round < perRig && outcome.frames < count; round += 1) {
      const attack = random.chance(0.5) ? switches : agents;
      const target = random.pick(attack.targets);
      const frame = encodeFrame(about(random, target), 1, 0);
      const other = encodeFrame(about(random, target), 1, 0);
      const decoded = decodeFrame(withTrueLength(mutate(random, frame, other)));
      outcome.frames += 1;
      if ('error' in decoded) continue;
      outcome.understood += 1;
      const from = attack === agents ? 'switch' : random.pick(['server1', 'server2']);
      try {
        attack.receive({ kind: 'message', from, message: decoded.message });
      } catch (error) {
        outcome.wrong.push(`${attack.name}: ${decoded.message.type}: ${(error as Error).stack}`);
      }
    }
  }
  return outcome;
}
