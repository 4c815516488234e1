import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Line } from '../../../../src/control/distributor/line.ts';
import { Random } from '../../../../src/lab/random.ts';

const test = suite('line');

/** The obvious one. */
class Model {
  tickets: number[] = [];

  join(ticket: number): void {
    this.tickets = [...this.tickets, ticket].toSorted((one, other) => one - other);
  }

  leave(ticket: number): boolean {
    const wasThere = this.tickets.includes(ticket);
    this.tickets = this.tickets.filter((each) => each !== ticket);
    return wasThere;
  }
}

test('line: whoever joins, leaves and comes back stands where its ticket says, as in a sorted list', () => {
  const random = new Random(7);
  const line = new Line<string>();
  const model = new Model();
  for (let round = 0; round < 5000; round += 1) {
    const ticket = Math.floor(random.fraction() * 60);
    if (model.tickets.includes(ticket) || random.fraction() < 0.3) {
      assert.is(line.leave(`t${ticket}`), model.leave(ticket));
    } else {
      line.join(`t${ticket}`, ticket);
      model.join(ticket);
    }
    const expected = model.tickets.map((each) => `t${each}`);
    assert.equal(line.inOrder(), expected);
    assert.is(line.length, expected.length);
    assert.is(line.has(`t${ticket}`), model.tickets.includes(ticket));
    const isBehind = model.tickets.some((each) => each < ticket);
    assert.is(line.isBehind(ticket), isBehind);
    const even = expected.findLast((name) => Number(name.slice(1)) % 2 === 0);
    assert.is(
      line.last((name) => Number(name.slice(1)) % 2 === 0),
      even,
    );
  }
});

test.run();
