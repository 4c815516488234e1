// TLS that ends at the servers: routes by SNI, exact transfers, sessions that come back to their server.
import type { TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import { keepSession, serversOf, visit, withTlsLab } from '../support/tls-visits.ts';
import type { Visit } from '../support/tls-visits.ts';
import { streamDigest } from '../support/transfer.ts';

const report = new Report();
const VISITS = 6;

async function curl(lab: TestLab, name: string, path: string, ...options: string[]) {
  const resolve = `${name}:443:192.0.2.80`;
  const command = ['curl', '-sSk', '-f', '--max-time', '50', '--resolve', resolve, ...options];
  return lab.run('client', [...command, `https://${name}${path}`]);
}

async function routes(lab: TestLab): Promise<void> {
  for (const [what, wanted, options] of [
    ['SNI one.example', 'server1', ['-servername', 'ONE.example']],
    ['SNI and ALPN', 'server2', ['-servername', 'a.two.example', '-alpn', 'h2,http/1.1']],
    ['no SNI, TLS 1.2: the default pool', 'server1 server2', ['-noservername', '-tls1_2']],
    ['the ALPN of no rule', 'server1 server2', ['-servername', 'a.two.example', '-tls1_2']],
  ] as const) {
    const seen = await serversOf(lab, 4, ...options);
    report.check(`route by ${what}`, seen === wanted, seen);
  }
  const { stdout } = await curl(lab, 'one.example', '/who', '-v', '--http1.1');
  const peer = /peer=(.*?):/.exec(stdout)?.[1] ?? '';
  report.check("the server saw the client's own address", peer === '10.80.1.2', peer);
}

async function transfer(lab: TestLab): Promise<void> {
  const length = 100_000_000;
  const command =
    'curl -sSk --max-time 50 --resolve one.example:443:192.0.2.80 https://one.example/100M | sha256sum';
  const { stdout, stderr } = await lab.run('client', ['sh', '-c', command]);
  const exact = stdout.startsWith(streamDigest(length));
  report.check('100 MB by TLS, every byte right', exact, stdout.slice(0, 16) || stderr);
  const certificate = await lab.run('client', [
    'sh',
    '-c',
    'openssl s_client -connect 192.0.2.80:443 -servername one.example </dev/null 2>/dev/null',
  ]);
  const subject = /subject=(.*)/.exec(certificate.stdout)?.[1] ?? '';
  report.check('the handshake is with the server itself', subject.includes('server1'), subject);
}

/** A session kept by the client is resumed each time, at its own server, while others go round. */
async function sessions(lab: TestLab, what: string, ...options: string[]): Promise<void> {
  const { first, later } = await keepSession(lab, VISITS, what, ...options);
  const good = later.filter(({ server, reused }) => reused && server === first.server).length;
  report.check(
    `TLS 1.2 by ${what}: resumed at the same server`,
    good === VISITS && first.server !== 'nobody' && !first.reused,
    `${good} of ${VISITS} at ${first.server}`,
  );
}

async function hidden(lab: TestLab): Promise<void> {
  const visits: Visit[] = [];
  for (let turn = 0; turn < VISITS; turn += 1) {
    visits.push(await visit(lab, '-tls1_3', '-servername', 'x.example'));
  }
  const servers = new Set(visits.map(({ server }) => server));
  const isTls13 = visits.every(({ version }) => version === 'TLSv1.3');
  report.check(
    'TLS 1.3: the same name from the same address goes to the same server',
    servers.size === 1 && isTls13,
    `${VISITS} visits: ${[...servers].join(' ')}`,
  );
}

/** openssl's own ClientHello, sent one byte a segment. */
async function byTheByte(lab: TestLab): Promise<void> {
  const program = `
    const net = require('net'), tls = require('tls'), { Duplex } = require('stream');
    const socket = net.connect(443, '192.0.2.80', async () => {
      socket.setNoDelay(true);
      let first = true;
      const slow = new Duplex({
        read() {},
        async write(chunk, _, done) {
          if (!first) return socket.write(chunk, done);
          first = false;
          for (const byte of chunk) {
            socket.write(Buffer.of(byte));
            await new Promise((resolve) => setImmediate(resolve));
          }
          done();
        },
      });
      socket.on('data', (bytes) => slow.push(bytes)).on('end', () => slow.push(null));
      const client = tls.connect({ socket: slow, servername: 'one.example', rejectUnauthorized: false });
      client.write('GET /who HTTP/1.0\\r\\n\\r\\n');
      client.on('data', (bytes) => process.stdout.write(bytes)).on('end', () => process.exit(0));
    });`;
  const { stdout, stderr } = await lab.run('client', ['node', '-e', program], { timeout: 20_000 });
  const server = /server=(.*?);/.exec(stdout)?.[1] ?? stderr;
  report.check('a ClientHello in segments of one byte', server === 'server1', server);
}

async function refusals(lab: TestLab): Promise<void> {
  const { status, stderr } = await lab.run('client', [
    'curl',
    '-sS',
    '--max-time',
    '5',
    'http://192.0.2.80:443/',
  ]);
  report.check('what is no TLS is reset', status === 56, stderr.trim());
  const program = `
    const socket = require('net').connect(443, '192.0.2.80', () => {
      socket.write(Buffer.from('160301000402000000', 'hex'));
    });
    socket.on('data', (bytes) => console.log(bytes.toString('hex'))).on('end', () => process.exit(0));`;
  const { stdout } = await lab.run('client', ['node', '-e', program], { timeout: 10_000 });
  report.check('a wrong message gets an alert', stdout.trim() === '1503030002020a', stdout.trim());
}

await withTlsLab(async (lab) => {
  await report.part('routes', () => routes(lab));
  await report.part('transfer', () => transfer(lab));
  await report.part('ticket', () => sessions(lab, 'ticket'));
  await report.part('session id', () => sessions(lab, 'session-id', '-no_ticket'));
  await report.part('TLS 1.3', () => hidden(lab));
  await report.part('segments', () => byTheByte(lab));
  await report.part('refusals', () => refusals(lab));
});
report.finish();
