import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runOneProcess } from '../support/one-process.ts';

const test = suite('examples');
const root = fileURLToPath(new URL('..', import.meta.url));

test('examples: a switch and two agents in one process answer each client by the right server', () => {
  const { said, expected } = runOneProcess(root);
  assert.equal(said, expected);
});

async function statusOf(url: URL, path: string): Promise<number | undefined> {
  const asked = request({ host: url.hostname, port: url.port, path, agent: false }).end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode;
}

test("examples: the page's server gives files of the project alone, and lives on", async () => {
  const server = spawn(process.execPath, [join(root, 'examples/page/serve.mjs')]);
  try {
    const [said] = await once(server.stdout, 'data');
    const url = new URL(String(said));
    assert.is(url.hostname, '127.0.0.1');
    const outside = ['/../../../../etc/passwd', '/%2e%2e/%2e%2e/%2e%2e/etc/passwd', '//', '//['];
    for (const path of [...outside, '/..%2f..%2f..%2fetc%2fpasswd', '/%00', '/examples']) {
      assert.is(await statusOf(url, path), 404, path);
    }
    assert.is(await statusOf(url, '/'), 302);
    assert.is(await statusOf(url, '/examples/page/index.html'), 200);
  } finally {
    server.kill();
  }
});

test.run();
