// A switch and two servers' agents in one process, over a network of function calls: clients ask, the switch
// reads the requests and hands the connections over, the servers answer the clients themselves.
import {
  Agent,
  parseConfig,
  ServicePlaces,
  WebSwitch,
  writeCookieKeys,
  type Message,
  type PlaneEvent,
} from '../../src/index-planes.ts';
import { Client, Server } from './endpoints.ts';
import { Part } from './part.ts';

const VIP = Uint8Array.of(192, 0, 2, 80);
const CLIENTS = 6;
const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');

const switchConfig = parseConfig(
  `
name: switch
roles: [switch]
insecure: true
switch: { key: ${key} }
servers:
  - { name: server1, agent: '10.80.11.2:7080', port: 80 }
  - { name: server2, agent: '10.80.12.2:7080', port: 80 }
pools:
  - { name: pages, servers: [server1], policy: round-robin }
  - { name: images, servers: [server2], policy: round-robin }
services:
  - name: web
    vip: [192.0.2.80]
    port: 80
    pool: pages
    rules: [{ match: { path: '/images/*' }, pool: images }]
`,
  'switch.yaml',
);

const run = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;
const isIn = (packet: Uint8Array, net: number, server: number): boolean =>
  packet[16] === 10 && packet[17] === net && packet[18] === server;

/** Bytes that crossed the switch towards clients; none but its own SYN-ACKs should. */
let switchToClients = 0;
const answers: string[] = [];
const clients = new Map<number, Client>();
const toClient = (packet: Uint8Array): void => clients.get(packet[19]!)?.receive(packet);

const up = new Set<string>();

/** A channel is up when both sides have said hello; a later hello is a message like all others. */
function heard(from: string, message: Message): PlaneEvent {
  if (message.type !== 'hello' || up.has(from)) return { kind: 'message', from, message };
  up.add(from);
  return { kind: 'channel-up', peer: from, hello: message };
}

async function makeServer(number: number) {
  const name = `server${number}`;
  const config = parseConfig(
    `
name: ${name}
roles: [agent]
insecure: true
agent: { listen: '10.80.1${number}.2:7080', handoff: [10.81.${number}.0/24], service: [10.82.${number}.0/24] }
`,
    `${name}.yaml`,
  );
  const network = Uint8Array.of(10, 82, number, 0);
  const core = await Part.makeCore({ role: 'agent', serviceNetworks: [{ network, length: 24 }] });
  const plane = new Agent({
    core,
    config,
    run: run(),
    random: Math.random,
    hostName: name,
    leaseDeadlineMs: () => Infinity, // the channel is a function call: it cannot break
  });
  // the server's kernel sends into the agent's device what leaves a service address
  const server = new Server(name, (packet) => part.arrive(packet));
  const part = new Part(core, plane, {
    transmit: (packet) => (isIn(packet, 82, number) ? server.receive(packet) : toClient(packet)),
    send: (_to, message) => setImmediate(() => webSwitch.receive(heard(name, message))),
  });
  return { name, number, part };
}

const core = await Part.makeCore({
  role: 'switch',
  services: new ServicePlaces(undefined).of(switchConfig),
});
writeCookieKeys(core, switchConfig.switch!.key, Date.now());
const plane = new WebSwitch({
  core,
  config: switchConfig,
  run: run(),
  random: Math.random,
  hostName: 'switch',
});
const servers = [await makeServer(1), await makeServer(2)];
const webSwitch: Part<WebSwitch> = new Part(core, plane, {
  transmit: (packet) => {
    const server = servers.find(({ number }) => isIn(packet, 81, number));
    if (server) return server.part.arrive(packet);
    switchToClients += packet.length;
    toClient(packet);
  },
  send: (to, message) => {
    const { part } = servers.find(({ name }) => name === to)!;
    setImmediate(() => part.receive({ kind: 'message', from: 'switch', message }));
  },
});

webSwitch.receive({ kind: 'time' });
for (const { name, part } of servers) {
  part.receive({ kind: 'time' });
  part.receive({ kind: 'channel-up', peer: 'switch', hello: plane.hello(name) });
}

const allAnswered = new Promise<void>((resolve) => {
  for (let number = 1; number <= CLIENTS; number += 1) {
    const path = number % 2 === 0 ? `/images/${number}.png` : `/page${number}.html`;
    const source = Uint8Array.of(198, 51, 100, number);
    const names = { source, destination: VIP, sourcePort: 40_000 + number, destinationPort: 80 };
    const client = new Client(
      names,
      (packet) => webSwitch.arrive(packet),
      `GET ${path} HTTP/1.0\r\nHost: a.example\r\n\r\n`,
      (text, from) => {
        answers.push(`${from.join('.')} said: ${text.split('\r\n\r\n')[1]!.trim()}`);
        if (answers.length === CLIENTS) resolve();
      },
    );
    clients.set(number, client);
    client.connect();
  }
});
const limit = setTimeout(() => {
  console.error(`only ${answers.length} of ${CLIENTS} were answered`);
  process.exit(1);
}, 10_000);
await allAnswered;
clearTimeout(limit);
for (const answer of answers.sort()) console.log(answer);
const { handoffs } = plane.stats();
console.log(
  `${handoffs} connections handed over; the switch sent its clients ${switchToClients} bytes`,
);
for (const { part } of [...servers, { part: webSwitch }]) part.stop();
