// Prints as JSON what became of held packets (test/table/held-order.ts).
// node build/programs-held-order.mjs WORKERS CONNECTIONS ordered|at-once SEED
import { holdInOrder, type Arrival } from '../table/held-order.ts';

const [workers, connections, arrival, seed] = process.argv.slice(2) as string[];
const outcome = await holdInOrder(
  Number(workers),
  Number(connections),
  arrival as Arrival,
  Number(seed),
);
console.log(JSON.stringify(outcome));
