import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { Handoff } from '../../../src/channel/messages.ts';
import { buildPacket } from '../../../src/packet/build.ts';
import type { PacketParts } from '../../../src/packet/build.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from './rig.ts';
import type { Rig } from './rig.ts';

/** A client's end of a connection, packet by packet. */
export class Client {
  readonly rig: Rig;
  readonly isn: number;
  readonly port: number;
  readonly six: boolean;
  readonly options: boolean;
  switchIsn = 0;
  /** next sequence number to send */
  next: number;
  tsval = 5000;
  echo = 0;

  constructor(rig: Rig, { port = 40000, isn = 0xfffffff0, six = false, options = true } = {}) {
    this.rig = rig;
    this.port = port;
    this.isn = isn;
    this.six = six;
    this.options = options;
    this.next = (isn + 1) >>> 0;
  }

  /** SYN, SYN-ACK, ACK; nothing more if the SYN is not answered with a SYN-ACK. */
  open(bareAck = true): void {
    this.rig.deliver(
      this.packet({
        flags: TCP_SYN,
        sequence: this.isn,
        acknowledgment: 0,
        options: this.options
          ? {
              mss: 1460,
              sackPermitted: true,
              windowScale: 7,
              timestamps: { value: this.tsval, echo: 0 },
            }
          : { mss: 1460 },
      }),
    );
    const answer = this.rig.take().find((packet) => packet.flags === (TCP_SYN | TCP_ACK));
    if (!answer) return;
    this.switchIsn = answer.sequence;
    this.echo = answer.options.timestamps?.value ?? 0;
    if (bareAck) this.rig.deliver(this.packet({ flags: TCP_ACK }));
  }

  get ack(): number {
    return (this.switchIsn + 1) >>> 0;
  }

  packet(parts: Partial<PacketParts> & { flags: number }): Uint8Array {
    return buildPacket({
      source: this.six ? CLIENT6 : CLIENT,
      destination: this.six ? VIP6 : VIP,
      sourcePort: this.port,
      destinationPort: 80,
      sequence: this.next,
      acknowledgment: this.ack,
      window: 502,
      options: this.options ? { timestamps: { value: this.tsval, echo: this.echo } } : {},
      ...parts,
    });
  }

  /** Sends bytes and moves on. */
  send(text: string | Uint8Array, parts: Partial<PacketParts> = {}): void {
    const payload = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    this.rig.deliver(this.packet({ flags: TCP_ACK, payload, ...parts }));
    if (parts.sequence === undefined) this.next = (this.next + payload.length) >>> 0;
  }

  flag(flags: number, parts: Partial<PacketParts> = {}): void {
    this.rig.deliver(this.packet({ flags, ...parts }));
  }

  /** The connection's entry. */
  entry(): number {
    const { rig } = this;
    rig.connections.writeTuple({
      client: this.six ? CLIENT6 : CLIENT,
      clientPort: this.port,
      local: this.six ? VIP6 : VIP,
      localPort: 80,
    });
    return rig.core.lookup(L.CONTROL_TUPLE);
  }

  state(): number {
    const entry = this.entry();
    return entry === L.NO_ENTRY ? L.STATE_FREE : this.rig.connections.state(entry);
  }
}

export const REQUEST = 'GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n';

/** A client whose request was handed to a server that has not answered. */
export function handed(rig: Rig, parts: ConstructorParameters<typeof Client>[1] = {}) {
  const client = new Client(rig, parts);
  client.open();
  client.send(REQUEST);
  const handoff = rig.last('handoff') as Handoff;
  return { client, handoff, server: serverOf(rig, handoff) };
}

export function serverOf(rig: Rig, handoff: Handoff): number {
  const found = rig.messages.find(({ message }) => message === handoff)!;
  return Number(found.to.slice('server'.length));
}
