import { ODD, dispatchesEach } from './configs.ts';
import type { ClientConnection } from './http/client.ts';
import type { Journal } from './http/server.ts';
import type { Scenario } from './scenario.ts';

/** Ends of a client's connection that are not its own wish, its server's nor a 503. */
const BROKEN_REASONS = ['timed out', 'reset by peer', 'patience over', 'refused'];

/** Nobody told the client that its connection is broken. */
const HANGING_REASONS = ['timed out', 'patience over'];

/** What is wrong with how a client's connection ended and with what became of its requests. */
export function connectionMistakes(
  connection: ClientConnection,
  hasVanished: boolean,
  scenario: Scenario,
  journal: Journal,
): string[] {
  const problems = [...connection.problems];
  const { reason } = connection;
  if (scenario.isCalm && !hasVanished && BROKEN_REASONS.includes(reason)) {
    const port = connection.plan.ends.localPort;
    problems.push(`connection ${port} ended although nothing was wrong: ${reason}`);
  }
  if (scenario.endsEveryWait && !hasVanished && HANGING_REASONS.includes(reason)) {
    problems.push(`connection ${connection.plan.ends.localPort} was left waiting: ${reason}`);
  }
  connection.plan.requests.forEach((request, index) => {
    const outcome = connection.outcomes[index]!;
    const executed = journal.count(request.id);
    if (dispatchesEach(scenario.cluster)) problems.push(...misplaced(journal, request.id));
    const what = `request ${request.id} (${connection.plan.ends.localPort}, ${connection.reason})`;
    if (executed > 1) {
      const where = journal.executions.get(request.id)!.join(' and ');
      problems.push(`${what} was executed ${executed} times: ${where}`);
    }
    if (outcome === 'answered' && executed !== 1) {
      problems.push(`${what} was answered and executed ${executed} times`);
    }
    if (outcome === 'refused' && executed > 0) problems.push(`${what} was refused and executed`);
    // a broken channel stops new handoffs; what is handed off goes on
    const isHandedOff = index > 0 && connection.outcomes[index - 1] === 'answered';
    if (scenario.isOnlyCut && !hasVanished && outcome === 'broken' && isHandedOff) {
      problems.push(`${what} was broken although only control channels were cut`);
    }
    if (scenario.isCalm && !hasVanished && (outcome === 'refused' || outcome === 'broken')) {
      problems.push(`${what} was ${outcome} although nothing was wrong`);
    }
  });
  return problems;
}

/** Where a request was executed that the rules do not allow. */
function misplaced({ executions }: Journal, id: number): string[] {
  const wrong = (executions.get(id) ?? []).filter((name) => (name === ODD) !== (id % 2 === 1));
  return wrong.map((name) => `request ${id} was executed by ${name}, which may not get it`);
}
