import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_ACK, TCP_FIN } from '../../../../assembly/wire/tcp.ts';
import { Client } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('body fields');

async function rigFor(bytes = 16): Promise<Rig> {
  const config = testConfig(3);
  const target = { json: { field: 'prompt', bytes, waitMs: 100 } };
  Object.assign(config.pools[0]!, { policy: 'maglev', target });
  const rig = await Rig.make(config);
  for (const server of [1, 2, 3]) rig.up(server);
  return rig;
}

let port = 2000;

function opened(rig: Rig): Client {
  const client = new Client(rig, { port: ++port });
  client.open();
  return client;
}

function post(path: string, body: string, length = body.length): string {
  return `POST ${path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** To which server the last handoff went, and with which bytes. */
function last(rig: Rig): { to: string; bytes: string } {
  const { to } = rig.messages.findLast(({ message }) => message.type === 'handoff')!;
  return { to, bytes: new TextDecoder().decode(rig.last('handoff').bytes) };
}

function serverFor(rig: Rig, path: string, body: string): string {
  opened(rig).send(post(path, body));
  return last(rig).to;
}

test('body field: prompts that begin the same go to one server, whatever their path', async () => {
  const rig = await rigFor();
  const servers = new Set<string>();
  for (const topic of ['law', 'medicine', 'cooking', 'chess', 'rust', 'sailing']) {
    const prompt = `You know ${topic} well. `.padEnd(30, '.');
    const seen = [1, 2, 3, 4].map((end) => {
      return serverFor(rig, `/v1/${end}`, JSON.stringify({ model: 'm', prompt: prompt + end }));
    });
    assert.is(new Set(seen).size, 1, topic);
    servers.add(seen[0]!);
  }
  assert.ok(servers.size > 1);
});

test('body field: without it the path decides', async () => {
  const rig = await rigFor();
  for (const path of ['/a', '/b', '/c', '/d']) {
    const plain = serverFor(rig, path, '');
    for (const body of ['{"model":"x"}', 'no json', '{"prompt":""}']) {
      assert.is(serverFor(rig, path, body), plain);
    }
  }
});

test('body field: the body that comes later is waited for; what was read is handed over, once', async () => {
  const rig = await rigFor();
  const body = '{"prompt":"You are a lawyer and no cook"}';
  const whole = serverFor(rig, '/x', body);
  const text = post('/other', body);
  for (const cut of [text.length - body.length, text.length - 30, 20]) {
    const client = opened(rig);
    client.send(text.slice(0, cut));
    rig.wait(30);
    const before = rig.count('handoff');
    client.send(text.slice(cut));
    assert.is(rig.count('handoff'), before + 1);
    assert.equal(last(rig), { to: whole, bytes: text });
  }
  const client = opened(rig);
  const enough = text.indexOf('lawyer') + 6;
  client.send(text.slice(0, 80));
  client.send(text.slice(80, enough));
  assert.equal(last(rig), { to: whole, bytes: text.slice(0, enough) });
});

test('body field: after its time, or at the end, what is here decides', async () => {
  const rig = await rigFor();
  const head = post('/x', '', 500);
  opened(rig).send(head);
  const before = rig.count('handoff');
  rig.wait(95);
  assert.is(rig.count('handoff'), before);
  rig.wait(10);
  assert.is(rig.count('handoff'), before + 1);
  assert.is(last(rig).bytes, head);
  assert.is(last(rig).to, serverFor(rig, '/x', ''));
  const client = opened(rig);
  client.send(head);
  client.flag(TCP_FIN | TCP_ACK);
  assert.is(last(rig).bytes, head);
  const expecting = head.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n');
  opened(rig).send(expecting);
  assert.is(last(rig).bytes, expecting, 'it waits for the server');
});

test('body field: a long prompt before the field is given up where the room ends', async () => {
  const rig = await rigFor();
  const body = `{"x":"${'y'.repeat(20_000)}","prompt":"z"}`;
  const text = post('/x', body);
  const client = opened(rig);
  for (let at = 0; at < text.length && rig.count('handoff') === 0; at += 1400) {
    client.send(text.slice(at, at + 1400));
  }
  assert.is(rig.count('handoff'), 1);
  assert.is(last(rig).bytes.length, 16384);
});

test.run();
