// From the client's host nothing of the cluster answers but the VIP, and no byte that it receives names a
// server.
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';

const report = new Report();

/** Addresses of servers, agents, switch; the handoff and service addresses in use. */
function hiddenAddresses(lab: TestLab): string[] {
  const hosts = Object.values(lab.hosts).filter(
    (host) => !['client', 'router'].includes(host.name),
  );
  const own = hosts.flatMap((host) => host.addresses).filter((address) => !address.includes(':'));
  const handed = lab.topology.servers.flatMap(({ handoff, service }) =>
    [...handoff, ...service]
      .filter((prefix) => !prefix.includes(':'))
      .flatMap((prefix) => [1, 2].map((index) => prefix.replace(/0\/24$/, String(index)))),
  );
  return [...own, ...handed];
}

async function checkNothingAnswers(lab: TestLab): Promise<void> {
  const answered: string[] = [];
  const addresses = hiddenAddresses(lab);
  const probes = addresses.flatMap((address) => [
    ['ping', address, ['ping', '-c1', '-W1', address]] as const,
    ...['80', '7080'].map(
      (port) =>
        [
          `port ${port}`,
          address,
          ['curl', '-sS', '--max-time', '1', `telnet://${address}:${port}`],
        ] as const,
    ),
  ]);
  await Promise.all(
    probes.map(async ([what, address, command]) => {
      const { status, stdout, stderr } = await lab.run('client', [...command]);
      // curl 28 = nothing came at all; ping 1 = no reply, an ICMP error would be printed
      const silent = what === 'ping' ? status === 1 && !/From/.test(stdout) : status === 28;
      if (!silent) answered.push(`${address} ${what}: ${status} ${stdout} ${stderr}`);
    }),
  );
  report.check(
    `${addresses.length} addresses of switch, servers and agents are silent to the client`,
    answered.length === 0,
    answered.join('; '),
  );
  const direct = await lab.run('router', [
    'curl',
    '-sS',
    '--max-time',
    '2',
    'http://10.80.11.2/1k',
    '-o',
    '/dev/null',
  ]);
  report.check(
    'from behind the filter they do answer (the probe works)',
    direct.status === 0,
    direct.stderr,
  );
}

async function checkDoctor(lab: TestLab): Promise<void> {
  const config = `${lab.directory}/switch.yaml`;
  const { stdout } = await lab.run('switch', ['node', 'build/baton.mjs', 'doctor', '-c', config]);
  const rule = stdout.split('\n').find((line) => /10\.81\.|10\.80\.11\./.test(line));
  report.check("doctor prints the router's rule", rule !== undefined, rule ?? stdout);
}

/** Packets that match no connection, sent to the handoff address from behind the filter. */
async function checkUnknownPackets(lab: TestLab): Promise<void> {
  const before = await dropsWithoutEntry(lab);
  const probe = ['curl', '-sS', '--max-time', '1', 'http://10.81.1.1:80/'];
  const { status } = await lab.run('router', probe);
  const after = await dropsWithoutEntry(lab);
  report.check('what matches no entry gets no answer', status === 28, `curl ${status}`);
  report.check('and is counted', after > before, `${before} -> ${after}`);
}

async function dropsWithoutEntry(lab: TestLab): Promise<number> {
  const { total } = await lab.stats('server1');
  return total.drops['no-entry'] ?? 0;
}

async function checkTraceroute(lab: TestLab): Promise<void> {
  const servers = new Set(hiddenAddresses(lab).filter((address) => address !== '10.80.2.2'));
  for (const options of [['-T', '-p', '80'], ['-U', '-p', '80'], ['-I']]) {
    const command = ['traceroute', '-n', '-q1', '-w1', '-m', '8', ...options, '192.0.2.80'];
    const { stdout } = await lab.run('client', command);
    const named = [...stdout.matchAll(/\d+\.\d+\.\d+\.\d+/g)].map(([address]) => address);
    const leaks = named.filter((address) => servers.has(address));
    report.check(`traceroute ${options[0]} names no server`, leaks.length === 0, named.join(' '));
  }
}

async function checkReceivedBytes(lab: TestLab): Promise<void> {
  const file = `${lab.directory}/client.pcap`;
  const capture = [
    'timeout',
    '--signal=INT',
    '8',
    'tcpdump',
    '-Q',
    'in',
    '-i',
    'eth0',
    '--immediate-mode',
    '-U',
    '-w',
    file,
  ];
  const capturing = lab.run('client', capture, { timeout: 15_000 });
  await sleep(1000);
  await lab.run('client', [
    'sh',
    '-c',
    'for i in 1 2 3; do curl -s -o /dev/null $BATON_URL/1M; done',
  ]);
  await capturing;
  const read = ['tcpdump', '-nn', '-r', file, 'not src host 10.80.1.2'];
  const { stdout } = await lab.run('client', read);
  const packets = stdout.split('\n').filter((line) => line.includes(' IP '));
  const sources = new Set(packets.map((line) => / IP (\d+\.\d+\.\d+\.\d+)/.exec(line)?.[1]));
  // a veth delivers super-packets: their number says nothing, their bytes do
  const lengths = packets.map((line) => Number(/ length (\d+)/.exec(line)?.[1] ?? 0));
  const bytes = lengths.reduce((sum, length) => sum + length, 0);
  report.check('all 3 MB of the replies were captured', bytes >= 3e6, `${bytes} bytes`);
  sources.delete('192.0.2.80');
  sources.delete('10.80.1.1');
  report.check(
    'every packet that the client received comes from the VIP',
    sources.size === 0,
    [...sources].join(' '),
  );
}

await report.part('hidden', () =>
  withLab({ servers: 2, server: 'nginx' }, async (lab) => {
    await checkReceivedBytes(lab);
    await checkNothingAnswers(lab);
    await checkUnknownPackets(lab);
    await checkTraceroute(lab);
    await checkDoctor(lab);
  }),
);
report.finish();
