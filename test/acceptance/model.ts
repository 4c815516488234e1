// Models, each looked at as a whole: handoff and close, re-handoff, update (spin), and the table of
// connections, whose real core runs in every interleaving of a few calls. Nothing is wrong in them, and
// each planted mistake is found in the same bounds. A part alone: -- handoff | move | update | table.
import { buildExplorer } from '../model/explorer.ts';
import { MODELS, check, type Model } from '../model/model.ts';
import { SCENES } from '../model/scenes.ts';
import { EXPLORED_MISTAKES } from '../model/table-mistakes.ts';
import { checkScene } from '../model/table.ts';
import { Report } from '../support/report.ts';

const LIMIT_MS = 900_000;
const SHOWN = 160;
const report = new Report();

/** What spin looks at, in words, and the fewest states that are worth something. */
const SPUN = {
  handoff: { what: 'no break, or one break or new start at any time: holds', fewest: 1_000_000 },
  update: { what: 'three connections, one break of each channel: holds', fewest: 100_000 },
  move: { what: 'seven requests, one break at any time: holds', fewest: 100_000 },
};

function checkModel(model: Model): void {
  for (const mistake of MODELS[model]) {
    const { states, error } = check({ model, mistake, limitMs: LIMIT_MS });
    const seen = `${states} states: ${error}`;
    report.check(`${model}: mistake ${mistake} is found`, error !== '', seen);
  }
  const { what, fewest } = SPUN[model];
  const { states, error, complete } = check({ model, limitMs: LIMIT_MS });
  const isWhole = error === '' && complete && states > fewest;
  const seen = `${states} states, ${complete ? 'all there are' : 'not all'} ${error}`;
  report.check(`${model}: ${what}`, isWhole, seen);
}

async function checkScenes(): Promise<void> {
  const explorer = await buildExplorer();
  try {
    for (const scene of SCENES) {
      const { states, outcomes, error, complete } = await checkScene(explorer, scene, LIMIT_MS);
      const seen = `${states} states, ${complete ? 'all there are' : 'not all'}, ${outcomes} outcomes`;
      report.check(`table: ${scene.name}`, error === '' && complete, `${seen} ${error}`.trimEnd());
    }
  } finally {
    explorer.remove();
  }
}

async function checkTableMistakes(): Promise<void> {
  for (const { name, changes, scene } of EXPLORED_MISTAKES) {
    const explorer = await buildExplorer(changes);
    try {
      const inIt = SCENES.find(({ id }) => id === scene)!;
      const { states, error } = await checkScene(explorer, inIt, LIMIT_MS);
      const seen = `${states} states of "${scene}": ${error.slice(0, SHOWN)}`;
      report.check(`table: mistake is found: ${name}`, error !== '', seen);
    } finally {
      explorer.remove();
    }
  }
}

const only = process.argv[2];
for (const model of Object.keys(MODELS) as Model[]) {
  if ((only ?? model) === model) await report.part(model, async () => checkModel(model));
}
if ((only ?? 'table') === 'table') {
  await report.part('table', checkScenes);
  await report.part("table's mistakes", checkTableMistakes);
}
report.finish();
