// Runs the cases of a catalogue that need a network, in the client's host of a lab; prints findings (JSON).
// node build/programs-cases-inside.mjs FILE PLAN
import { askAdmin } from '../../src/admin/client.ts';
import { CLIENT_PREFIXES, isIpv6 } from '../../src/lab/topology.ts';
import { readCatalogue } from '../cases/catalogue.ts';
import type { Case, Finding } from '../cases/catalogue.ts';
import { runHttpCase } from '../cases/http-case.ts';
import type { HandoffCounts, HttpWorld } from '../cases/http-case.ts';
import { Injector, LabWire } from '../cases/lab-wire.ts';
import { PacketRun } from '../cases/packet-case.ts';

/** At a time: each waits most of the time for what does not come. */
const TOGETHER = 6;

export interface InsidePlan {
  admin: string;
  pools: Record<string, string>;
  ids: string[];
  through: string;
}

const [file, planText] = process.argv.slice(2) as [string, string];
const plan = JSON.parse(planText) as InsidePlan;
const catalogue = readCatalogue(file);
const chosen = catalogue.cases.filter(({ id }) => plan.ids.includes(id));

async function handoffs(): Promise<HandoffCounts> {
  type View = {
    parts: { control: { servers: { name: string; handoffs: number }[] } }[];
  };
  const { parts } = await askAdmin<View>(plan.admin, '/stats');
  return Object.fromEntries(parts[0]!.control.servers.map((each) => [each.name, each.handoffs]));
}

function say(one: Case, problems: string[]): void {
  const finding: Finding = { id: one.id, through: plan.through, problems };
  console.log(JSON.stringify(finding));
}

async function runPackets(): Promise<void> {
  const cases = chosen.filter((one) => one.kind === 'packets');
  if (cases.length === 0) return;
  const injector = new Injector(CLIENT_PREFIXES.filter((prefix) => !isIpv6(prefix)));
  const queue = [...cases];
  const work = async (): Promise<void> => {
    for (let one = queue.shift(); one; one = queue.shift()) {
      const wire = new LabWire(injector, `${one.client}:${one.client_port}`);
      say(one, await new PacketRun(one, wire, catalogue).run());
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
  injector.close();
}

async function runHttp(): Promise<void> {
  const world: HttpWorld = { ...catalogue, pools: plan.pools, handoffs };
  const cases = chosen.filter((one) => one.kind === 'http');
  const isSlow = (one: (typeof cases)[number]) => one.expect.some((each) => 'slow' in each);
  for (const one of cases) if (!isSlow(one)) say(one, await runHttpCase(one, world));
  // none of them may reach a server, so that they do not disturb each other's counts
  const slow = cases.filter(isSlow);
  await Promise.all(slow.map(async (one) => say(one, await runHttpCase(one, world))));
}

await runPackets();
await runHttp();
