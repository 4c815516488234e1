// Plays the vectors in a headless browser: a page from a server on loopback, with the two headers without
// which a browser shares no memory between threads (HTML, "cross-origin isolation").
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';

const LIMIT_MS = 90_000;
const PAGE = '<!doctype html><script type="module" src="/build/conformance-web.mjs"></script>';
const TYPES: Record<string, string> = {
  mjs: 'text/javascript',
  wasm: 'application/wasm',
  txt: 'text/plain',
};
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Serves the page and the files below `root`; `post` is called with what the page sends. */
function serve(root: string, post: (text: string) => void): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, 'http://localhost').pathname);
    if (request.method === 'POST') {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        response.end();
        post(text);
      });
      return;
    }
    try {
      const body = path === '/' ? PAGE : readFileSync(join(root, path));
      const type = path === '/' ? 'text/html' : TYPES[path.split('.').at(-1)!];
      response.writeHead(200, { ...ISOLATED, 'Content-Type': type ?? 'text/plain' });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function commandLine(program: string, profile: string, url: string): string[] {
  if (program.includes('firefox')) return ['--headless', '--no-remote', '--profile', profile, url];
  const quiet = ['--disable-gpu', '--no-first-run', '--disable-background-networking'];
  return ['--headless=new', '--no-sandbox', ...quiet, `--user-data-dir=${profile}`, url];
}

/** What the page said. Throws when it says nothing in time; the browser is ended in any case. */
export async function playInBrowser(program: string, root: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'baton-browser-'));
  let post = (_text: string): void => {};
  const server = await serve(root, (text) => post(text));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  // a group of its own, so that all of its processes can be ended
  const child = spawn(program, commandLine(program, profile, url), {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, HOME: profile },
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`nothing in ${LIMIT_MS} ms`)), LIMIT_MS);
      post = (text) => {
        clearTimeout(limit);
        resolve(text);
      };
      child.once('error', reject);
    });
  } finally {
    await end(child.pid);
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function end(group: number | undefined): Promise<void> {
  if (group === undefined) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
