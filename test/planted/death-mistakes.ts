// What must not go wrong with connections of a server that is cut off or dies.
import type { Change, Mistake } from './mistakes.ts';

function dying(name: string, ...changes: Change[]): Mistake {
  return { name, changes, placement: 'dying' };
}

const RECOVERY = 'src/control/switch/recovery.ts';

export const DEATH_MISTAKES: Mistake[] = [
  dying(
    'dying: a cut-off agent that goes on sending',
    {
      file: 'assembly/at-agent.ts',
      find: 'return nowMs > load<f64>(lease) ? DROP_LEASE_EXPIRED : 0;',
      replace: 'return nowMs < 0 ? DROP_LEASE_EXPIRED : 0;',
    },
    {
      file: 'assembly/framing.ts',
      find: 'return <i32>(Packet.behind(tcp, end) - acked) > 0;',
      replace: 'return acked != acked && end > tcp;',
    },
  ),
  dying('dying: a connection taken from its server whatever became of its requests', {
    file: RECOVERY,
    find: 'if (requests === 0 || connections.record32(entry, L.RECORD_RESPONSES) !== requests) return false;',
    replace:
      'if (requests === 0 || connections.record32(entry, L.RECORD_RESPONSES) === 0) return false;',
  }),
  dying('dying: a report that does not say where the client is', {
    file: RECOVERY,
    find: '.record32(L.RECORD_SERVER_NEXT, next)',
    replace: '.record32(L.RECORD_SERVER_NEXT, sequence)',
  }),
];
