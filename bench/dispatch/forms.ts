import type { PolicyName } from '../../src/config/choices.ts';
import { Random } from '../../src/lab/random.ts';
import { POOL, dispatcherOf } from '../papers/servers.ts';
import { PlainLard } from './plain-lard.ts';
import { targetSets } from './targets.ts';

const SERVERS = 16;
/** Connections open at any time: 25 at each server, as at LARD's lower threshold. */
const OPEN = 400;
const ROUNDS = 9; // the first two warm up
const WARM_UP = 2;

interface Form {
  form: string;
  assign: (target: number, nowMs: number) => number;
  release: (server: number) => void;
  open: Int32Array;
}

/** Of one set of targets: ns of each round, by form. */
export interface Measured {
  name: string;
  samples: Map<string, number[]>;
}

function formOf(policy: PolicyName): Form {
  const dispatcher = dispatcherOf(SERVERS, { policy }, new Random(3));
  const usable = new Uint8Array(SERVERS).fill(1);
  return {
    form: policy,
    assign: (target, nowMs) => dispatcher.assign(POOL, target, usable, nowMs),
    release: (server) => dispatcher.release(server),
    open: new Int32Array(OPEN).fill(-1),
  };
}

function plainForm(): Form {
  const plain = new PlainLard(SERVERS);
  return {
    form: 'plain Map',
    assign: (target) => plain.assign(target),
    release: (server) => plain.release(server),
    open: new Int32Array(OPEN).fill(-1),
  };
}

/** ns of processor time for a choice, and the end of the connection of OPEN decisions before. */
function measure({ assign, release, open }: Form, targets: Int32Array): number {
  const since = process.cpuUsage();
  let at = 0;
  for (let index = 0; index < targets.length; index += 1) {
    at = at + 1 === OPEN ? 0 : at + 1;
    if (open[at]! >= 0) release(open[at]!);
    open[at] = assign(targets[index]!, index);
  }
  const { user, system } = process.cpuUsage(since);
  return ((user + system) * 1000) / targets.length;
}

/** LARD and its plain form in turn, another policy alone. */
export function measureForms(policy: PolicyName): Measured[] {
  return [...targetSets()].map(({ name, targets }) => {
    const forms = [formOf(policy), ...(policy === 'lard' ? [plainForm()] : [])];
    const samples = new Map<string, number[]>(forms.map(({ form }) => [form, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const form of forms) {
        const ns = measure(form, targets);
        if (round >= WARM_UP) samples.get(form.form)!.push(ns);
      }
    }
    return { name, samples };
  });
}
