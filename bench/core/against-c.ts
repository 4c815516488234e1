// The core against the same work in C, over the same packets and the same table.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimum, type Sheet } from '../report/sheet.ts';
import { createLoad, digest, refusalOf, type Load, type LoadShape } from './load.ts';
import { measurePasses, passesOf } from './pass.ts';
import { compileRivals, FORMS, type Form, type Rival, type Running } from './rival.ts';

interface Runner {
  form: string;
  version: string;
  samples: number[];
  /** one round; throws when it rewrote otherwise than `wanted` says */
  round(wanted: () => number): Promise<number>;
}

function ours(load: Load): Runner {
  return {
    form: 'core',
    version: `node ${process.versions.node}`,
    samples: [],
    round: async () => measurePasses(load),
  };
}

function theirs(rival: Rival, running: Running, form: Form, load: Load): Runner {
  const name = `${rival.compiler} ${form}`;
  return {
    form: name,
    version: rival.version,
    samples: [],
    round: async (wanted) => {
      const { ns, digest: found, kept } = await running.measure(form, passesOf(load.packets));
      if (found !== wanted() || kept > 0) throw new Error(`bench: ${name} rewrote differently`);
      return ns;
    },
  };
}

/** Rounds of the core and of each form of the rivals in turn; the first warms up. */
async function race(load: Load, rivals: Rival[], image: string, rounds: number): Promise<Runner[]> {
  writeFileSync(image, load.core.bytes);
  const running = rivals.map((rival) => rival.start(image, load));
  const forms = Object.keys(FORMS) as Form[];
  const runners = [
    ours(load),
    ...rivals.flatMap((rival, index) =>
      forms.map((form) => theirs(rival, running[index]!, form, load)),
    ),
  ];
  for (let round = 0; round <= rounds; round += 1) {
    for (const runner of runners) {
      const ns = await runner.round(() => digest(load));
      if (round > 0) runner.samples.push(ns);
    }
  }
  for (const process of running) process.stop();
  return runners;
}

/**
 * Core and rivals over one load; the ratio is the core's time over that of the best form in C. What no
 * core has room for is not run by the rivals either: a note says so.
 */
export async function compareWithC(
  sheet: Sheet,
  subject: string,
  shape: LoadShape,
  rounds: number,
): Promise<void> {
  const refusal = refusalOf(shape);
  if (refusal !== undefined) return sheet.note(`${subject}: not run, ${refusal}`);
  const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
  try {
    const load = await createLoad(shape);
    const runners = await race(load, compileRivals(folder), join(folder, 'memory'), rounds);
    for (const { form, version, samples } of runners) {
      sheet.figure({ subject, form, version, unit: 'ns/packet', samples });
    }
    const [core, ...others] = runners.map(({ samples }) => minimum(samples));
    sheet.ratio(subject, core! / Math.min(...others));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
