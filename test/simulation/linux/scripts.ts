import { FIN, PSH, RST, RawPeer, SETTLE_MS, SYN } from './script.ts';
import type { Stack } from './stack.ts';

/** A script plays a raw peer against a stack; its notes must be the same for both. */
export interface Script {
  name: string;
  play(stack: Stack, port: number): Promise<string[]>;
}

const PORT = 80;

function script(name: string, play: (peer: RawPeer, stack: Stack) => Promise<void>): Script {
  return {
    name,
    play: async (stack, port) => {
      const peer = new RawPeer(stack, port, PORT);
      await play(peer, stack);
      return peer.notes;
    },
  };
}

/** Opens a connection and accepts it. */
async function established(peer: RawPeer, stack: Stack): Promise<number> {
  stack.listen(PORT, 8, 0);
  await peer.open();
  const connection = stack.accept();
  peer.note(connection >= 0 ? 'accepted' : 'not accepted');
  return connection;
}

export function noteRead(peer: RawPeer, stack: Stack, connection: number): void {
  const got = stack.read(connection);
  peer.note(`read ${typeof got === 'object' ? `${got.length} bytes` : got}`);
}

export const bytes = (length: number) => new Uint8Array(length).fill(0x62);

const handshakes: Script[] = [
  ['all options', {}],
  ['no timestamps', { timestamps: undefined }],
  ['no SACK', { sackPermitted: undefined }],
  ['no scale', { windowScale: undefined }],
].map(([name, without]) =>
  script(`server: handshake, ${name as string}`, async (peer, stack) => {
    stack.listen(PORT, 8, 0);
    const options = { ...peer.synOptions(), ...(without as object) };
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined) delete options[key as keyof typeof options];
    }
    await peer.open(options);
    peer.note(stack.accept() >= 0 ? 'accepted' : 'not accepted');
    await peer.say(PSH, { data: 100 });
  }),
);

export const serverScripts: Script[] = [
  ...handshakes,
  script('server: data both ways, pieces out of order, duplicates', async (peer, stack) => {
    const connection = await established(peer, stack);
    await peer.say(PSH, { data: 100 });
    await peer.say(PSH, { data: 100, at: 201 });
    await peer.say(PSH, { data: 100, at: 401 });
    await peer.say(PSH, { data: 100, at: 301 });
    await peer.say(PSH, { data: 100, at: 101 });
    await peer.say(PSH, { data: 100, at: 101 });
    noteRead(peer, stack, connection);
    stack.send(connection, bytes(3000));
    await peer.listen(SETTLE_MS);
    await peer.say(0);
  }),
  script(
    'server: an old ACK is answered once in 500 ms, data behind the window too',
    async (peer, stack) => {
      await established(peer, stack);
      await peer.say(PSH, { data: 10 });
      await peer.say(0, { at: peer.next - 1 });
      await peer.say(0, { at: peer.next - 1 });
      await peer.listen(600);
      await peer.say(0, { at: peer.next - 1 });
      await peer.say(PSH, { at: peer.next + 10_000_000, data: 10 });
    },
  ),
  script('server: SYN and RST in an open connection', async (peer, stack) => {
    const connection = await established(peer, stack);
    await peer.say(SYN, { ack: null, options: peer.synOptions() });
    await peer.listen(600);
    await peer.say(SYN, { at: 5000, ack: null, options: peer.synOptions() });
    await peer.listen(600);
    await peer.say(RST, { at: 50, options: {} });
    await peer.say(RST, { at: 10_000_000, options: {} });
    await peer.say(RST, { at: 1, options: {} });
    noteRead(peer, stack, connection);
    await peer.say(0, { at: 1 });
  }),
  script(
    'server: ACK of what was not sent, of what is too old, old timestamp',
    async (peer, stack) => {
      const connection = await established(peer, stack);
      await peer.say(PSH, { data: 10 });
      stack.send(connection, bytes(100));
      await peer.listen(SETTLE_MS);
      await peer.say(0);
      await peer.say(0, { ack: 5000 });
      await peer.say(0, { ack: -70000 * 64 });
      await peer.listen(600);
      await peer.say(PSH, { data: 10, stamp: -100_000 });
      // a bare ACK in its place is not answered from Linux 6.14 on
      await peer.say(PSH, { data: 1, at: peer.next - 1, stamp: -100_000 });
    },
  ),
  script('server: the client closes first', async (peer, stack) => {
    const connection = await established(peer, stack);
    await peer.say(PSH, { data: 10 });
    await peer.say(FIN);
    noteRead(peer, stack, connection);
    noteRead(peer, stack, connection);
    stack.send(connection, bytes(100));
    await peer.listen(SETTLE_MS);
    stack.close(connection);
    await peer.listen(SETTLE_MS);
    await peer.say(0);
    await peer.say(0);
  }),
  script('server: it closes first, TIME-WAIT, SYNs into it', async (peer, stack) => {
    const connection = await established(peer, stack);
    stack.close(connection);
    await peer.listen(SETTLE_MS);
    await peer.say(0);
    await peer.say(FIN);
    await peer.say(FIN, { at: peer.next - 1 }); // its ACK was lost
    await peer.listen(600);
    const old = peer.synOptions();
    old.timestamps = { value: old.timestamps!.value - 10_000, echo: 0 };
    await peer.say(SYN, { at: -5000, ack: null, options: old });
    const { timestamps: _none, ...plain } = peer.synOptions();
    await peer.listen(600);
    await peer.say(SYN, { at: -5000, ack: null, options: plain });
    await peer.listen(600);
    const before = peer.theirs + peer.seen;
    await peer.say(SYN, { at: -5000, ack: null, options: peer.synOptions() });
    peer.note(`new ISN is the old one's end + ${(peer.theirs - before) | 0}`);
  }),
  script(
    'server: TIME-WAIT is ended by a higher sequence number, or by RST',
    async (peer, stack) => {
      const connection = await established(peer, stack);
      stack.close(connection);
      await peer.listen(SETTLE_MS);
      await peer.say(FIN);
      const { timestamps: _none, ...plain } = peer.synOptions();
      await peer.say(SYN, { at: 100_000, ack: null, options: plain });
      await peer.say(RST, { at: 100_001, ack: null, options: {} });
      await peer.say(0, { at: 100_001, options: {} });
    },
  ),
  script('server: RST in TIME-WAIT at the next sequence number', async (peer, stack) => {
    const connection = await established(peer, stack);
    stack.close(connection);
    await peer.listen(SETTLE_MS);
    await peer.say(FIN);
    await peer.say(RST, { ack: null, options: {} });
    await peer.say(SYN, { at: -5000, ack: null, options: { mss: 1000 } });
  }),
  script('server: both close at once', async (peer, stack) => {
    const connection = await established(peer, stack);
    stack.close(connection);
    await stack.pass(SETTLE_MS);
    const before = peer.seen;
    await peer.say(FIN, { ack: before });
    await peer.say(0, { ack: before + 1 });
  }),
  script('server: unread data at close, data after close', async (peer, stack) => {
    const connection = await established(peer, stack);
    await peer.say(PSH, { data: 10 });
    stack.close(connection);
    await peer.listen(SETTLE_MS);
    const second = new RawPeer(stack, 50_001, PORT);
    await second.open();
    const other = stack.accept();
    stack.close(other);
    await second.listen(SETTLE_MS);
    await second.say(PSH, { data: 10 });
    await second.say(0);
    peer.notes.push(...second.notes);
  }),
  script('server: no listener answers RST', async (peer) => {
    await peer.say(SYN, { ack: null, options: peer.synOptions() });
    await peer.say(0, { at: 500, ack: 700, options: {} });
    await peer.say(PSH, { at: 500, ack: null, data: 10, options: {} });
    await peer.say(RST, { at: 500, options: {} });
  }),
];

export const replayScripts: Script[] = [
  script('replay: SYN twice, echo 0, data with the ACK', async (peer, stack) => {
    stack.listen(PORT, 8, 0);
    const options = peer.synOptions();
    await peer.say(SYN, { ack: null, options }, 0);
    await peer.say(SYN, { at: 0, ack: null, options });
    await peer.say(0, { echo: 0 });
    await peer.say(PSH, { data: 200, echo: 0 });
    peer.note(stack.accept() >= 0 ? 'accepted' : 'not accepted');
    await peer.say(PSH, { data: 10, at: peer.next - 10 });
  }),
  script('replay: wrong echo and wrong ACK in the handshake', async (peer, stack) => {
    stack.listen(PORT, 8, 0);
    await peer.open(peer.synOptions(), false);
    await peer.say(0, { echo: 77 });
    await peer.say(0, { ack: 77 });
    await peer.say(0, {});
    peer.note(stack.accept() >= 0 ? 'accepted' : 'not accepted');
  }),
  script('accept queue full: SYNs unanswered, final ACK and data dropped', async (peer, stack) => {
    stack.listen(PORT, 2, 0);
    const others = [1, 2, 3, 4].map((n) => new RawPeer(stack, 50_000 + n, PORT));
    const [first, second, late, never] = others as [RawPeer, RawPeer, RawPeer, RawPeer];
    await first.open();
    await second.open();
    await peer.open(peer.synOptions(), false);
    await late.open(late.synOptions(), false);
    await peer.say(0);
    await late.say(0);
    await late.say(PSH, { data: 50 });
    await never.say(SYN, { ack: null, options: never.synOptions() });
    await late.listen(1300);
    peer.note(stack.accept() >= 0 ? 'accepted' : 'not accepted');
    await late.say(PSH, { data: 50, at: 1 });
    for (let n = 0; n < 4; n++) {
      const connection = stack.accept();
      peer.note(connection >= 0 ? 'accepted' : 'not accepted');
      if (connection >= 0) noteRead(peer, stack, connection);
    }
    peer.notes.push('late', ...late.notes, 'never', ...never.notes);
  }),
  script('deferred accept: a bare ACK is ignored, data is taken', async (peer, stack) => {
    stack.listen(PORT, 8, 5);
    await peer.open();
    peer.note(stack.accept() >= 0 ? 'accepted' : 'not accepted');
    await peer.say(PSH, { data: 50 });
    peer.note(stack.accept() >= 0 ? 'accepted' : 'not accepted');
  }),
  script('a RST ends a half-open connection silently', async (peer, stack) => {
    stack.listen(PORT, 8, 0);
    await peer.open(peer.synOptions(), false);
    await peer.say(RST, { options: {}, ack: null });
    await peer.say(0);
  }),
];

/** What the retransmission timers do; only the order of packets is compared. */
export const lossScripts: Script[] = [
  script('three SACKed segments above a hole send it again at once', async (peer, stack) => {
    const connection = await established(peer, stack);
    stack.send(connection, bytes(8 * 1388));
    await peer.listen(5);
    const at = (n: number) => 1 + n * 1388;
    await peer.say(0, { ack: 1, sack: [[at(1), at(4)]] }, 5);
  }),
  script('a zero window is probed, an opened one is used', async (peer, stack) => {
    const connection = await established(peer, stack);
    await peer.say(0, { window: 0 });
    stack.send(connection, bytes(100));
    await peer.listen(100);
    await peer.listen(200);
    await peer.say(0, { window: 1000 });
  }),
];
