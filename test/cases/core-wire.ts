// Packets straight into the core and its control plane, on virtual time. The server is a stand-in: what
// the switch hands over is all it gets, and it answers with the target of the first line.
import { TCP_ACK, TCP_FIN, TCP_PSH } from '../../assembly/wire/tcp.ts';
import type { Handoff } from '../../src/channel/messages.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { advance } from '../../src/packet/sequence.ts';
import type { TcpPacket } from '../../src/packet/read.ts';
import { Rig, testConfig } from '../unit/control/rig.ts';
import { dotted, readReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Wire } from './packet-case.ts';

/** Where agents want the clients' packets: 10.81.x.x. */
function isHandedOff(packet: TcpPacket): boolean {
  return packet.destination[0] === 10 && packet.destination[1] === 81;
}

interface Owed {
  handoff: Handoff;
  server: number;
  /** what the client last said it has room for */
  window: number;
  hasAnswered: boolean;
}

export class CoreWire implements Wire {
  private readonly rig: Rig;
  private readonly owed: Owed[] = [];
  private replies: Reply[] = [];
  /** targets that were handed to the server, by client */
  private readonly handed = new Map<string, string[]>();

  constructor(rig: Rig) {
    this.rig = rig;
  }

  static async make(): Promise<CoreWire> {
    const rig = await Rig.make(testConfig(1));
    rig.up(1);
    return new CoreWire(rig);
  }

  nowMs(): number {
    return this.rig.nowMs;
  }

  routed(client: string): string[] {
    return this.handed.get(client) ?? [];
  }

  send(packet: Uint8Array): boolean {
    this.rig.deliver(packet);
    this.serve();
    return true;
  }

  receive(ms: number): Promise<Reply[]> {
    this.rig.wait(ms);
    this.serve();
    const taken = this.replies;
    this.replies = [];
    return Promise.resolve(taken);
  }

  private serve(): void {
    const { rig } = this;
    const messages = rig.messages.splice(0);
    for (const { to, message } of messages) {
      const server = Number(to.slice('server'.length));
      if (message.type === 'close') rig.message(server, { type: 'confirm', ids: [message.id] });
      if (message.type !== 'handoff') continue;
      this.owed.push({ handoff: message, server, window: message.window, hasAnswered: false });
      const client = clientOf(message);
      this.handed.set(client, [...(this.handed.get(client) ?? []), targetOf(message)]);
      rig.message(server, { type: 'ready', id: message.id });
    }
    const raw = [...rig.raw];
    rig.take().forEach((packet, index) => {
      if (isHandedOff(packet)) return this.atServer(packet);
      const reply = readReply(raw[index]!);
      if (reply) this.replies.push(reply);
    });
    for (const each of this.owed) if (!each.hasAnswered && each.window > 0) this.answer(each);
  }

  private atServer(packet: TcpPacket): void {
    const client = `${dotted(packet.source)}:${packet.sourcePort}`;
    const found = this.owed.findLast(({ handoff }) => clientOf(handoff) === client);
    if (!found) return;
    found.window = packet.window;
    const { id, tuple } = found.handoff;
    const isOver = found.hasAnswered && (packet.flags & TCP_FIN) !== 0;
    if (isOver) this.rig.message(found.server, { type: 'close', id, tuple });
  }

  private answer(owed: Owed): void {
    const { tuple, clientIsn, switchNext, bytes } = owed.handoff;
    owed.hasAnswered = true;
    const packet = buildPacket({
      source: tuple.vip,
      destination: tuple.client,
      sourcePort: tuple.vipPort,
      destinationPort: tuple.clientPort,
      sequence: switchNext,
      acknowledgment: advance(clientIsn, 1 + bytes.length),
      flags: TCP_ACK | TCP_PSH | TCP_FIN,
      window: 502,
      payload: new TextEncoder().encode(`HTTP/1.0 200 OK\r\n\r\ntarget=${targetOf(owed.handoff)};`),
    });
    this.replies.push(readReply(packet)!);
  }
}

function clientOf({ tuple }: Handoff): string {
  return `${dotted(tuple.client)}:${tuple.clientPort}`;
}

function targetOf({ bytes }: Handoff): string {
  return new TextDecoder('latin1').decode(bytes).trimStart().split(' ')[1] ?? '';
}
