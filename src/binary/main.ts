// Entry of the standalone binary: baton, or one of the programs that the lab starts, by the first argument.
import { programVersion } from '../beside.ts';

const [first] = process.argv.slice(2);
if (first === '--version') {
  // who asks in a script need not wait for the rest to load
  process.stdout.write(`baton ${programVersion()}\n`);
} else if (first === 'lab-inside' || first === 'lab-mortal') {
  process.argv.splice(2, 1);
  void (first === 'lab-inside' ? import('../lab/inside.ts') : import('../lab/mortal.ts'));
} else {
  void import('../main.ts');
}
