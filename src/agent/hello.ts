import type { Hello } from '../channel/messages.ts';
import { LINE } from '../channel/messages.ts';
import { PROTOCOL_VERSION } from '../channel/wire.ts';
import type { AgentBinding } from './bindings.ts';

/** What an agent says of itself, and which addresses it has given to the services of a switch. */
export function agentHello(
  { hostName, run, line }: { hostName: string; run: number; line: string },
  given: AgentBinding[],
): Hello {
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    name: hostName,
    roles: ['agent'],
    group: '',
    run,
    capabilities: ['translate', 'by-syn', 'cookies', 'release', `${LINE}${line}`],
    services: [],
    bindings: given.map(({ vip, port, handoff, handoffPort }) => {
      return { vip, port, handoff, handoffPort };
    }),
  };
}
