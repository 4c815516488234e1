// Connections with their requests in pieces, in the client's host of a lab; prints what it saw (JSON).
// node build/programs-segmentation-inside.mjs ROUNDS POOLS
import { CLIENT_PREFIXES, isIpv6 } from '../../src/lab/topology.ts';
import { Injector, LabWire } from '../cases/lab-wire.ts';
import { REQUESTS } from '../cases/pieces.ts';
import { LabRound } from '../cases/segmentation-lab.ts';
import { Random } from '../../src/lab/random.ts';

const TOGETHER = 8;
const FIRST_PORT = 2000;
const PORTS = 50_000;

const [roundsText, poolsText] = process.argv.slice(2) as [string, string];
const rounds = Number(roundsText);
const pools = JSON.parse(poolsText) as Record<string, string>;
const injector = new Injector(CLIENT_PREFIXES.filter((prefix) => !isIpv6(prefix)));
const random = new Random(7);
const seen = { rounds: 0, served: 0, problems: [] as string[] };
let next = 0;

async function work(): Promise<void> {
  while (next < rounds) {
    const index = next++;
    const port = FIRST_PORT + (index % PORTS);
    const last = 1 + (index % 200);
    const wire = new LabWire(injector, `198.51.100.${last}:${port}`);
    const from = { address: Uint8Array.of(198, 51, 100, last), port };
    const round = new LabRound(wire, new Random(random.next()), from);
    const { served, problem } = await round.run(REQUESTS[index % REQUESTS.length]!, pools);
    seen.rounds += 1;
    if (served) seen.served += 1;
    if (problem !== undefined) seen.problems.push(`round ${index}: ${problem}`);
  }
}

await Promise.all(Array.from({ length: TOGETHER }, work));
injector.close();
console.log(JSON.stringify(seen));
