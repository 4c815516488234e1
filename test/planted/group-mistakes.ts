// What two switches of one group, and their agents, must not get wrong.
import type { Change, Mistake } from './mistakes.ts';

function inGroup(name: string, ...changes: Change[]): Mistake {
  return { name, changes, placement: 'group' };
}

const OWNERS = 'src/control/switch/owners.ts';
const GROUP = 'src/control/switch/group.ts';
const AGENT = 'src/agent/group.ts';

export const GROUP_MISTAKES: Mistake[] = [
  inGroup('group: two owners of every tuple', {
    file: OWNERS,
    find: 'let highest = weightOf(this.#self, tuple);',
    replace: 'let highest = Infinity + weightOf(this.#self, tuple);',
  }),
  inGroup('group: nobody is asked before a handoff', {
    file: 'src/control/distributor/await-others.ts',
    find: 'if (!owners.areThere || !questions.mustAsk(state, opening, nowMs)) return false;',
    replace: 'if (owners.areThere || questions.isFree(opening, nowMs)) return false;',
  }),
  inGroup(
    'group: a peer that is dead, and its tuples are handed over without asking',
    {
      file: OWNERS,
      find: 'this.#changedMs = nowMs;',
      replace: 'if (isUp) this.#changedMs = nowMs;',
    },
    {
      file: OWNERS,
      find: '.every((isUp) => isUp);',
      replace: '.every((isUp) => isUp || nowMs > 0);',
    },
  ),
  inGroup(
    'group: an agent that forgets what it reserved',
    {
      file: AGENT,
      find: 'if (known && known.by < by) return false;',
      replace: 'if (known && known.by < by) return true;',
    },
    {
      file: AGENT,
      find: 'if (reserved && reserved.by !== peer.peer)',
      replace: 'if (reserved && nowMs < 0)',
    },
  ),
  inGroup('group: a packet of nobody that is answered before anyone was asked', {
    file: GROUP,
    find: 'if (!state.owners.areThere) return state.strays.packet(state, event, nowMs);',
    replace: 'if (nowMs > 0) return state.strays.packet(state, event, nowMs);',
  }),
  inGroup('group: ends of connections that only their giver is told', {
    file: AGENT,
    find: 'if (!askers) return;',
    replace: 'if (askers || !askers) return;',
  }),
  inGroup('group: an agent that lists to a switch of a group only what it got from it', {
    file: 'src/agent/agent.ts',
    find: 'hello.capabilities.includes(IN_GROUP) ?',
    replace: 'hello.capabilities.includes(IN_GROUP) && nowMs < 0 ?',
  }),
];
