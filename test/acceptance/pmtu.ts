// 1 MB through a router one of whose links carries 1400 bytes, wherever that link is: no stall, that is, no
// retransmission timeout in the server's kernel and far less than a second.
// With an argument only the settings whose name has it.
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLab, type Family, type TestLab, type TestLabOptions } from '../support/lab.ts';
import {
  forgetMtu,
  kernelCounter,
  learnedMtu,
  narrowLink,
  narrowToClient,
  NARROW,
} from '../support/path-mtu.ts';
import { Report } from '../support/report.ts';
import { checkDownload, checkUpload } from '../support/transfer.ts';

const LENGTH = 1e6;
const ROUNDS = 5;
const STALL_MS = 1000;

const wanted = process.argv[2] ?? '';
const report = new Report();

interface Place {
  name: string;
  narrow: (lab: TestLab) => Promise<void>;
  /** the server's kernel learns of the link by ICMP errors that came to the VIP */
  learns: boolean;
  uploads: boolean;
  /** the switch has to be told: errors about what it sends on go to the client */
  mtu?: number;
}

const PLACES: Place[] = [
  { name: 'to the client', narrow: (lab) => narrowToClient(lab), learns: true, uploads: false },
  {
    name: 'to the switch',
    narrow: (lab) => narrowLink(lab, 'switch'),
    learns: false,
    uploads: true,
  },
  {
    name: 'to the server',
    narrow: (lab) => narrowLink(lab, 'server1'),
    learns: true,
    uploads: true,
    mtu: NARROW,
  },
];

const KINDS: Partial<TestLabOptions>[] = [
  { server: 'nginx', table: 'keyed', workers: 1 },
  { server: 'apache', table: 'paper', workers: 2 },
];

async function checkTransfer(
  lab: TestLab,
  what: string,
  transfer: () => Promise<unknown>,
): Promise<void> {
  const timeouts = () => kernelCounter(lab, 'server1', 'TCPTimeouts');
  const before = await timeouts();
  const started = Date.now();
  await transfer();
  const elapsed = Date.now() - started;
  const stalls = (await timeouts()) - before;
  const seen = `${elapsed} ms with curl's start, ${stalls} retransmission timeouts`;
  report.check(`${what}: without a stall`, elapsed < STALL_MS && stalls === 0, seen);
}

async function checkFamily(lab: TestLab, place: Place, family: Family, what: string) {
  for (let round = 0; round < ROUNDS; round++) {
    await forgetMtu(lab);
    const download = () => checkDownload(lab, report, what, '1M', LENGTH);
    await checkTransfer(lab, `${what}, download`, download);
    if (place.learns) {
      const mtu = await learnedMtu(lab, family);
      report.check(`${what}: the server's kernel knows the path's MTU`, mtu === NARROW, mtu);
    }
    if (!place.uploads) continue;
    await checkTransfer(lab, `${what}, upload`, () => checkUpload(lab, report, what, LENGTH));
  }
}

/** YAML that is laid over the switch's; the lab reads a file. */
function overlayFile(mtu: number): string {
  const file = join(tmpdir(), `baton-pmtu-${process.pid}.yaml`);
  writeFileSync(file, `switch: { mtu: ${mtu} }\n`);
  return file;
}

for (const family of ['IPv4', 'IPv6'] as const) {
  for (const kind of KINDS) {
    for (const place of PLACES) {
      const what = `${family}, ${kind.server}, ${kind.table}, ${NARROW} bytes ${place.name}`;
      if (!what.includes(wanted)) continue;
      const config = place.mtu === undefined ? undefined : overlayFile(place.mtu);
      await report.part(what, () =>
        withLab({ ...kind, family, config }, async (lab) => {
          await place.narrow(lab);
          await checkFamily(lab, place, family, what);
        }),
      );
      if (config !== undefined) rmSync(config);
    }
  }
}
report.finish();
