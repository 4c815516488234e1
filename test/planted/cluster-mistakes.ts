// Mistakes about connections that move, and about dispatchers and distributors on hosts of their own.
import { mistake, type Mistake } from './mistakes.ts';

const DISTRIBUTOR = 'src/control/distributor';
const DISPATCHER = 'src/control/dispatcher';

const MOVES: Mistake[] = [
  mistake(
    'a connection that is given back while its response is due',
    'assembly/framing.ts',
    'load<u32>(record, RECORD_RESPONSES) == load<u32>(record, RECORD_REQUESTS) &&',
    '',
  ),
  mistake(
    'a move whose replay bears no data',
    `${DISTRIBUTOR}/handoff-message.ts`,
    'bytes: gather.contents,',
    'bytes: opening.entryIsn === client.isn ? gather.contents : new Uint8Array(0),',
  ),
  mistake(
    'a next request that goes to a server which its rules forbid',
    `${DISTRIBUTOR}/next-request.ts`,
    "if (!isIn(pool) && !isIn(serving)) return 'elsewhere';",
    '',
  ),
  mistake(
    'a move whose sequence numbers begin one too late',
    `${DISTRIBUTOR}/ask.ts`,
    'opening.switchIsn = advance(next, -1);',
    'opening.switchIsn = next;',
  ),
];

const DISPATCHERS: Mistake[] = [
  mistake(
    'a dispatcher that answers a batch backwards',
    `${DISPATCHER}/dispatcher-plane.ts`,
    'out.setUint16(index * 2,',
    'out.setUint16((count - 1 - index) * 2,',
  ),
  mistake(
    'a second batch before the answer to the first',
    `${DISTRIBUTOR}/remote-dispatchers.ts`,
    'if (this.outstanding) return;\n    this.choose',
    'this.choose',
  ),
  mistake(
    'a late answer that stays counted at the dispatcher',
    `${DISTRIBUTOR}/remote-dispatchers.ts`,
    'this.figures.late += 1;\n      this.decline(question, server);',
    'this.figures.late += 1;',
  ),
  {
    name: 'a late answer that is followed',
    changes: [
      {
        file: `${DISTRIBUTOR}/remote-dispatchers.ts`,
        find: 'if (isOpen(question)) {',
        replace: 'if (question) {',
      },
      {
        file: 'src/control/switch/web-switch.ts',
        find:
          'if (question.opening.question !== question) ' +
          'state.remote!.decline(question, server);\n  else if',
        replace: 'if',
      },
    ],
  },
  mistake(
    'a connection that is reset when its server gives it back twice',
    `${DISTRIBUTOR}/ask.ts`,
    "if (isYoungers || (phase !== undefined && phase !== 'following')) return;",
    'if (isYoungers || phase === null) return;',
  ),
  mistake(
    'a dispatcher that counts on for a distributor whose channel broke',
    `${DISPATCHER}/dispatcher-plane.ts`,
    'this.distributors.get(peer)?.forget(this.dispatcher.loads);',
    '',
  ),
];

const CO_LOCATED: Mistake[] = [
  mistake(
    'an update that is sent with the handoff',
    `${DISTRIBUTOR}/handoff.ts`,
    'state.send(server, handoffMessage(opening, id, server));',
    `state.send(server, handoffMessage(opening, id, server));
  tellFronts(state, opening, server, nowMs);`,
  ),
];

export const CLUSTER_MISTAKES: Mistake[] = [
  ...MOVES,
  ...DISPATCHERS.map((one) => ({ ...one, placement: 'multiple' as const })),
  ...CO_LOCATED.map((one) => ({ ...one, placement: 'co-located' as const })),
];
