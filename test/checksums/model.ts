// Incremental checksums against full ones, on the core as it is and on cores with a mistake in them.
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../../assembly/wire/vnet.ts';
import { compileCore } from '../../src/core.ts';
import { redirectPacket } from '../../src/packet/redirect.ts';
import { plantedModule } from '../planted/core.ts';
import { CHECKSUM_MISTAKES } from '../planted/core-mistakes.ts';
import type { Mistake } from '../planted/mistakes.ts';
import { Random } from '../../src/lab/random.ts';
import type { Report } from '../support/report.ts';
import { makePacket } from '../support/rewrite-aims.ts';
import { complete, expected, randomConnection } from '../support/rewrite-model.ts';
import { forwardRandom, WAYS, type Tally } from './forwarded.ts';

const PACKETS = 1e6;
const REDIRECTS = 1e5;
const VNET_SIZE = 10;

function describe(tally: Tally): string {
  const { packets, ipv6, partial, odd, held, padded, zeros, headerZeros, partialOnes } = tally;
  return (
    `${packets} packets, of them ${ipv6} IPv6, ${partial} partial, ${odd} with options at odd places, ` +
    `${held} held, ${padded} padded; ${zeros} TCP and ${headerZeros} IPv4 checksums 0x0000, ` +
    `${partialOnes} partial sums 0xffff`
  );
}

/** Every kind of packet occurred, the other zeros among them. */
function isRich(tally: Tally): boolean {
  const { packets, wrong: _, ...kinds } = tally;
  return Object.values(kinds).every((count) => count > packets / 100);
}

async function checkForwarded(report: Report): Promise<void> {
  const module = await compileCore('single');
  for (const [index, way] of WAYS.entries()) {
    const tally = forwardRandom(module, way, PACKETS, index + 1);
    report.check(
      `${way.direction}, ${way.table}: what leaves forward() is what a full recomputation has`,
      tally.wrong === '' && tally.packets === PACKETS && isRich(tally),
      tally.wrong || describe(tally),
    );
  }
}

/** What control sends on by itself is rewritten by other code. */
function checkRedirected(report: Report): void {
  const random = new Random(9);
  let wrong = 0;
  for (let round = 0; round < REDIRECTS; round += 1) {
    const connection = randomConnection(random);
    const packet = makePacket(random, connection, 'switch');
    complete(packet);
    const vnet = new Uint8Array(VNET_SIZE);
    vnet[VNET_FLAGS] = packet.partial ? VNET_NEEDS_CSUM : 0;
    const { server, serverPort } = connection;
    const result = redirectPacket(packet.bytes, vnet, server, serverPort);
    if (Buffer.compare(result, expected(packet, connection, 'switch')) !== 0) wrong += 1;
  }
  report.check(
    "control's own rewriting of late packets",
    wrong === 0,
    `${wrong} of ${REDIRECTS} wrong`,
  );
}

/** On each way as many packets as the core as it is must pass: a lost carry is one in ten thousands. */
async function checkMistake(report: Report, { name, changes }: Mistake): Promise<void> {
  const module = await plantedModule(changes, 'single');
  let found = '';
  for (const way of WAYS) {
    const { packets, wrong } = forwardRandom(module, way, PACKETS, 1);
    if (wrong === '') continue;
    found = `${way.direction}, packet ${packets}: ${wrong}`;
    break;
  }
  report.check(`it fails with ${name}`, found !== '', found || 'not found');
}

export async function checkModel(report: Report): Promise<void> {
  await report.part('forwarded packets', () => checkForwarded(report));
  checkRedirected(report);
  for (const mistake of CHECKSUM_MISTAKES) {
    await report.part(mistake.name, () => checkMistake(report, mistake));
  }
}
