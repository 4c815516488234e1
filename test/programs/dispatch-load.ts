// A distributor that asks a dispatcher on another host for servers, so many requests being outstanding all
// the time. Prints what it saw on the wire as JSON.
//
//   node dispatch-load.mjs HOST.yaml OUTSTANDING SECONDS
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlChannels } from '../../src/channel/control-channel.ts';
import type { Message } from '../../src/channel/messages.ts';
import { REQUEST_SIZE } from '../../src/channel/wire.ts';
import { monotonicMs } from '../../src/clock.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Dispatcher } from '../../src/control/dispatcher/dispatcher.ts';
import { NO_SERVER } from '../../src/control/dispatcher/policy.ts';
import { RemoteDispatchers } from '../../src/control/distributor/remote-dispatchers.ts';
import type { Opening, Question } from '../../src/control/opening.ts';
import { readTls } from '../../src/host/ground.ts';
import { dispatcherTargets } from '../../src/host/reloading.ts';

const TARGETS = 2000;
const NOTHING = { roles: ['switch'], group: '', capabilities: [], services: [], bindings: [] };

/** What went over the wire. */
export interface DispatchLoad {
  decisions: number;
  batches: number;
  /** requests in each of the first batches */
  sizes: number[];
  /** those that waited when each of them was sent */
  waited: number[];
  mostOutstanding: number;
  /** of decisions: without a server, and for a target that had another server before */
  undecided: number;
  moved: number;
}

const [file = '', outstanding = '1000', seconds = '4'] = process.argv.slice(2);
const config = loadConfig(file);
const local = new Dispatcher(config.servers, config.pools, Math.random);
const remote = new RemoteDispatchers(
  config.dispatchers!.map(({ name }) => name),
  local,
);
const usable = new Uint8Array(config.servers.length).fill(1);
const pool = config.pools[0]!.name;
const seen: DispatchLoad = {
  decisions: 0,
  batches: 0,
  sizes: [],
  waited: [],
  mostOutstanding: 0,
  undecided: 0,
  moved: 0,
};
const serverOf = new Map<number, number>();
const WITNESSED = 200;
let waiting = 0;
let underWay = 0;
let next = 0;
let isOver = false;

/** One more request, of a connection that is nothing but its question. */
function ask(): void {
  next = (Math.imul(next, 1_103_515_245) + 12_345) >>> 0;
  const number = (next >>> 8) % TARGETS;
  const target = Math.imul(number + 1, 2_654_435_761) >>> 0;
  const opening = { question: null } as unknown as Opening;
  const question = { opening, pool, target, usable, present: NO_SERVER, next: null };
  opening.question = question;
  remote.ask(question);
  waiting += 1;
}

function decided({ opening, target }: Question, server: number): void {
  opening.question = null;
  seen.decisions += 1;
  if (server === NO_SERVER) seen.undecided += 1;
  else {
    if ((serverOf.get(target) ?? server) !== server) seen.moved += 1;
    serverOf.set(target, server);
    local.take(server);
    // it is over at once: the next batch says so
    local.release(server);
  }
  if (!isOver) ask();
}

function send(to: string, message: Message): void {
  if (message.type === 'dispatch') {
    underWay += 1;
    const size = message.requests.length / REQUEST_SIZE;
    seen.batches += 1;
    seen.mostOutstanding = Math.max(seen.mostOutstanding, underWay);
    if (seen.sizes.length < WITNESSED) {
      seen.sizes.push(size);
      seen.waited.push(waiting);
    }
    waiting -= size;
  }
  channels.send(to, message);
}

const channels: ControlChannels = new ControlChannels({
  name: config.name,
  hello: () => ({ ...NOTHING, type: 'hello', version: 1, name: config.name, run: 1 }),
  tls: readTls(config),
  insecure: config.insecure,
  dial: dispatcherTargets(config),
  timing: config.timing,
  now: monotonicMs,
  on: {
    up: (peer, hello) => {
      remote.channelUp(peer, hello);
      ask();
      remote.send(monotonicMs(), send);
      for (let more = 1; more < Number(outstanding); more += 1) {
        ask();
        remote.send(monotonicMs(), send);
      }
    },
    down: () => {},
    message: (from, message) => {
      if (message.type !== 'dispatched') return;
      underWay -= 1;
      remote.answered(from, message, decided);
      remote.send(monotonicMs(), send);
    },
  },
});
await channels.start();
await sleep(Number(seconds) * 1000);
isOver = true;
await channels.stop();
console.log(JSON.stringify(seen));
process.exit(0);
