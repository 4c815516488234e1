import { FIN, PSH, RST, RawPeer, SETTLE_MS, SYN } from './script.ts';
import { bytes, noteRead, type Script } from './scripts.ts';
import type { Stack } from './stack.ts';

export const clientScripts: Script[] = [
  clientScript('client: connect, data, close', async (peer, stack, connection) => {
    await peer.say(SYN, { options: synAckOptions(peer) });
    stack.send(connection, bytes(100));
    await peer.listen(SETTLE_MS);
    await peer.say(PSH, { data: 300 });
    noteRead(peer, stack, connection);
    await peer.say(FIN);
    noteRead(peer, stack, connection);
    stack.close(connection);
    await peer.listen(SETTLE_MS);
    await peer.say(0);
  }),
  clientScript(
    'client: an ACK of an older connection is reset, then the SYN comes again',
    async (peer) => {
      await peer.say(0, { at: 700, ack: 5000, options: {} });
    },
  ),
  clientScript('client: refused', async (peer, stack, connection) => {
    await peer.say(RST, { options: {} });
    noteRead(peer, stack, connection);
  }),
  clientScript('client: abort', async (peer, stack, connection) => {
    await peer.say(SYN, { options: synAckOptions(peer) });
    stack.abort(connection);
    await peer.listen(SETTLE_MS);
    await peer.say(PSH, { data: 10 });
  }),
  clientScript('client: a repeated SYN-ACK is acknowledged again', async (peer) => {
    const options = synAckOptions(peer);
    await peer.say(SYN, { options });
    await peer.say(SYN, { at: 0, options });
  }),
];

function synAckOptions(peer: RawPeer): ReturnType<RawPeer['synOptions']> {
  const options = peer.synOptions();
  options.timestamps = { value: options.timestamps!.value, echo: peer.stampSeen };
  return options;
}

function clientScript(
  name: string,
  play: (peer: RawPeer, stack: Stack, connection: number) => Promise<void>,
): Script {
  return {
    name,
    play: async (stack, port) => {
      const peer = new RawPeer(stack, port, 0);
      const connection = stack.connect(port);
      await peer.listen(20);
      await play(peer, stack, connection);
      return peer.notes;
    },
  };
}
