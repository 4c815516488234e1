// A server without an agent beside one with: the short part of the acceptance line of that name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Report } from '../support/report.ts';
import {
  checkNothingLeft,
  checkPeers,
  checkTransfers,
  withSplicedLab,
} from '../support/splicing.ts';

const test = suite('splicing');

class Kept extends Report {
  readonly wrong: string[] = [];

  override check(what: string, passed: boolean, seen: string | number = ''): boolean {
    if (!passed) this.wrong.push(`${what}: ${seen}`);
    return passed;
  }
}

test('splicing: bytes are exact both ways by two servers beside one that was handed off', () =>
  withSplicedLab({ server: 'nginx', proxy: true }, async (lab) => {
    const kept = new Kept();
    await checkTransfers(lab, kept, 'nginx', '1M');
    await checkPeers(lab, kept, 'nginx', true);
    await checkNothingLeft(lab, kept, 'nginx');
    assert.equal(kept.wrong, []);
  }));

test.run();
