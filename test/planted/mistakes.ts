import type { Placement } from '../simulation/cluster.ts';

/** A text of a source file and what a mistaken programmer wrote instead. */
export interface Change {
  file: string;
  /** stands in the file exactly once */
  find: string;
  replace: string;
}

/** A mistake that the simulation must find. It exists only in bundles made for that trial. */
export interface Mistake {
  name: string;
  changes: Change[];
  /** in whose seeds it is looked for; single if omitted */
  placement?: Placement;
}

export function mistake(name: string, file: string, find: string, replace: string): Mistake {
  return { name, changes: [{ file, find, replace }] };
}

const AGENT = 'src/agent';
const SWITCH = 'src/control';

export const MISTAKES: Mistake[] = [
  {
    name: 'an insert without the bucket lock',
    changes: [
      {
        file: 'assembly/lookup/table.ts',
        find: 'if (BucketLock.take(bucket, owner, tries)) {\n      const existing',
        replace: 'if (tries != 0) {\n      const existing',
      },
      {
        file: 'assembly/lookup/table.ts',
        find: 'BucketLock.release(bucket);\n    }\n    if (result',
        replace: '}\n    if (result',
      },
    ],
  },
  mistake(
    'a bucket lock that is not released',
    'assembly/lookup/table.ts',
    'if (same) Table.takeOut(owner, bucket, entry);\n    BucketLock.release(bucket);',
    'if (same) Table.takeOut(owner, bucket, entry);\n    else BucketLock.release(bucket);',
  ),
  mistake(
    'the server port left out of the checksum',
    'assembly/rewrite/to-client.ts',
    'let change = <u64>(address + port);',
    'let change = <u64>address + (port & 0);',
  ),
  mistake(
    'SACK blocks that keep their numbers',
    'assembly/rewrite/options.ts',
    'change += Options.add(tcp, edge, delta);',
    'change += Options.add(tcp, edge, 0);',
  ),
  mistake(
    'a window that is not scaled to what the switch promised',
    'assembly/rewrite/to-client.ts',
    '<< server) >> promised',
    '<< promised) >> server',
  ),
  mistake(
    'a sweep that leaves out the last entry of each part',
    'assembly/lookup/sweep.ts',
    'for (let index = from; index < end && ',
    'for (let index = from; index + 1 < end && ',
  ),
  mistake(
    'a sequence delta that is wrong by one',
    `${AGENT}/replays.ts`,
    '(kernel.isn + 1 - handoff.switchNext)',
    '(kernel.isn - handoff.switchNext)',
  ),
  mistake(
    'a timestamp offset with the wrong sign',
    `${AGENT}/replays.ts`,
    '(handoff.timestampSwitch - kernel.timestamp!)',
    '(kernel.timestamp! - handoff.timestampSwitch)',
  ),
  mistake(
    'ready at the SYN-ACK instead of at the acknowledged request',
    `${AGENT}/replay.ts`,
    "const outcome = handoff.bytes.length === 0 ? 'ready' : 'pending';",
    "const outcome = 'ready';",
  ),
  mistake(
    'a failure that always says: not delivered',
    `${AGENT}/translate.ts`,
    "sentData && unknown ? 'maybe' : 'no', reason",
    "sentData && unknown ? 'no' : 'no', reason",
  ),
  mistake(
    'a replay that is given up but not killed',
    `${AGENT}/translate.ts`,
    'this.#kills.begin(entry, { guesses, told, tellMs: nowMs + VERDICT_MS }, nowMs);',
    'if (guesses.length > 0) told({ confirmed: true, acknowledged: 0 });',
  ),
  mistake(
    'closes that the switch does not confirm',
    `${SWITCH}/switch/close.ts`,
    "state.send(server, { type: 'confirm', ids: [id], of: 'close' });",
    'server.up &&= true;',
  ),
  mistake(
    'another server is asked when an answer is late',
    `${SWITCH}/distributor/handoff.ts`,
    'if (nowMs < opening.deadlineMs) return;\n',
    `if (nowMs < opening.deadlineMs) return;
  if (nowMs > 0) {
    state.pending.delete(opening.id.counter);
    return tryNext(state, opening, nowMs);
  }
`,
  ),
  mistake(
    'held packets that leave backwards',
    `${SWITCH}/distributor/held.ts`,
    'for (const packet of held) passOn',
    'for (const packet of held.reverse()) passOn',
  ),
  mistake(
    'a held packet that leaves twice',
    `${SWITCH}/distributor/held.ts`,
    'for (const packet of held) passOn(state, entry, packet);',
    'for (const packet of held) for (const again of [packet, packet]) passOn(state, entry, again);',
  ),
  mistake(
    'closes that the switch ignores',
    `${SWITCH}/switch/close.ts`,
    'if (entry === L.NO_ENTRY) return;',
    'if (entry >= 0) return;',
  ),
  mistake(
    'closed connections that do not linger',
    `${SWITCH}/switch/close.ts`,
    'nowMs + state.timing.lingerMs',
    'nowMs',
  ),
  mistake(
    'a handoff that is not compared with the id of the connection before',
    `${AGENT}/translate.ts`,
    'if (before !== null && this.#entries.connections.hasId(before, id)) {',
    'if (before !== null) {',
  ),
  mistake(
    'a lost channel that closes the connections of its server',
    `${SWITCH}/switch/resync.ts`,
    'server.listed = null;\n  for (const opening of',
    `server.listed = null;
  for (const entry of assignedTo(state, server)) resetLost(state, server, entry, nowMs);
  for (const opening of`,
  ),
  mistake(
    'a client whose connection is lost and that is asked without a byte',
    `${SWITCH}/distributor/refuse.ts`,
    'payload: OLD_BYTE,',
    'payload: NO_BYTES,',
  ),
  mistake(
    'a switch that starts and does not wait for what its agents have',
    `${SWITCH}/state.ts`,
    'return nowMs < this.learningUntilMs &&',
    'return nowMs < 0 &&',
  ),
];
