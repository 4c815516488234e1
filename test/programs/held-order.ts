// Prints as JSON what became of held packets (test/table/held-order.ts).
// node build/programs-held-order.mjs WORKERS CONNECTIONS ordered|at-once SEED [MISTAKE]
import { HELD_MISTAKES } from '../planted/core-mistakes.ts';
import { holdInOrder, type Arrival } from '../table/held-order.ts';

const [workers, connections, arrival, seed, mistake] = process.argv.slice(2) as string[];
const outcome = await holdInOrder(
  Number(workers),
  Number(connections),
  arrival as Arrival,
  Number(seed),
  HELD_MISTAKES.find(({ name }) => name === mistake)?.changes,
);
console.log(JSON.stringify(outcome));
