// Decisions per second of each policy, with the end of an older connection beside each; LARD beside its
// ten-line form with a Map of targets. All in this process: what a dispatcher asked over the network gives is
// another line (`npm run acceptance dispatcher`). Arguments: names of policies, all when there are none.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { POLICIES } from '../src/config/choices.ts';
import type { PolicyName } from '../src/config/choices.ts';
import { measureForms, type Measured } from './dispatch/forms.ts';
import { minimum, Sheet } from './report/sheet.ts';

/** What is asked for, in millions of decisions per second of processor time. */
const ASKED = new Map([['lard, 100000 targets, Zipf', 'at least 10']]);

/** In a thread of its own: who runs one policy has no code that was compiled for all of them. */
function measureAlone(policy: PolicyName): Promise<Measured[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: policy });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function compareAll(): Promise<void> {
  const sheet = new Sheet('dispatch', "Each policy's choice of a server, and LARD by a Map.");
  const wanted = process.argv.slice(2);
  for (const policy of POLICIES) {
    if (wanted.length > 0 && !wanted.includes(policy)) continue;
    for (const { name, samples } of await measureAlone(policy)) {
      const subject = `${policy}, ${name}`;
      for (const [form, times] of samples) {
        sheet.figure({ subject, form, unit: 'ns/decision', samples: times });
      }
      sheet.ratio(subject, 1000 / minimum(samples.get(policy)!), ASKED.get(subject));
    }
  }
  sheet.note('ratio: millions of decisions per second of processor time');
  sheet.finish();
}

if (isMainThread) await compareAll();
else parentPort!.postMessage(measureForms(workerData as PolicyName));
