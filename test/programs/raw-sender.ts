// Sends raw IPv4 TCP packets at a held rate, many to a system call, and prints what it sent as JSON.
// node build/programs-raw-sender.mjs --to ADDRESS:PORT --sources FIRST:COUNT --flags syn|ack
//   --rate N --seconds S [--count N] [--payload TEXT]
// --count: so many, in up to three times as long on a machine that is busy.
// Rate 0 = as fast as it goes. Sources are consecutive addresses; ports (unless --port P says which) and
// sequence numbers vary with a seed.
import { parseArgs } from 'node:util';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { Pace } from '../support/pace.ts';
import { RawBatch, addressNumber, rawTarget } from '../support/raw-batch.ts';

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: '192.0.2.80:80' },
    sources: { type: 'string', default: '198.18.0.0:100000' },
    port: { type: 'string', default: '0' },
    flags: { type: 'string', default: 'syn' },
    rate: { type: 'string', default: '50000' },
    seconds: { type: 'string', default: '1' },
    count: { type: 'string', default: '0' },
    payload: { type: 'string', default: '' },
  },
});

let random = 0x9e3779b9;
function nextRandom(): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return random >>> 0;
}

function send(): { sent: number; failed: number; seconds: number } {
  const [first, addresses] = values.sources.split(':') as [string, string];
  const firstSource = addressNumber(first);
  const port = Number(values.port);
  const flags = values.flags === 'syn' ? TCP_SYN : TCP_ACK;
  const batch = new RawBatch(rawTarget(values.to), Buffer.from(values.payload));
  const count = Number(values.count) || Infinity;
  const pace = new Pace(Number(values.rate));
  const seconds = Number(values.seconds) * (count === Infinity ? 1 : 3);
  let made = 0;
  while (pace.seconds < seconds && made < count) {
    for (let left = pace.due(made, RawBatch.size); left > 0; left -= 1) {
      batch.add({
        source: firstSource + (made % Number(addresses)),
        sourcePort: port || 1024 + (nextRandom() % 60000),
        flags,
        sequence: nextRandom(),
        acknowledgment: flags === TCP_ACK ? nextRandom() : 0,
        withPayload: true,
      });
      made += 1;
    }
    batch.flush();
  }
  return { sent: batch.sent, failed: batch.failed, seconds: pace.seconds };
}

console.log(JSON.stringify(send()));
