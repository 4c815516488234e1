import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';

/** What an address answers: anything that JSON can say, made at the moment of asking. */
export type AdminPaths = Record<string, () => unknown>;

/** What POST to an address does with its query, and then answers; `ok: false` in it is a refusal. */
export type AdminActions = Record<string, (query: URLSearchParams) => Promise<{ ok: boolean }>>;

const OWNER_ONLY = 0o177; // no other user of the host reads the clients' addresses

/** True when somebody answers on the socket: a program that died leaves its file behind. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const REFUSED = 409;

function makeServer(paths: AdminPaths, actions: AdminActions): Server {
  return createServer((request, response) => {
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://admin');
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    const action = Object.hasOwn(actions, path) ? actions[path] : undefined;
    if (action) {
      if (request.method !== 'POST') return answer(405, { error: `${path} wants a POST` });
      const failed = (error: unknown): void => answer(500, { error: String(error) });
      return void action(searchParams).then(
        (done) => answer(done.ok ? 200 : REFUSED, done),
        failed,
      );
    }
    const make = Object.hasOwn(paths, path) ? paths[path] : undefined;
    const known = [...Object.keys(paths), ...Object.keys(actions)];
    if (!make) return answer(404, { error: `no ${path}`, paths: known });
    if (request.method !== 'GET') return answer(405, { error: `${path} can only be read` });
    try {
      answer(200, make());
    } catch (error) {
      answer(500, { error: error instanceof Error ? error.message : String(error) });
    }
  });
}

/** HTTP on a unix socket, for this user alone. Throws when another process answers there. */
export class AdminServer {
  readonly #path: string;
  readonly #server: Server;

  constructor(path: string, paths: AdminPaths, actions: AdminActions = {}) {
    this.#path = path;
    this.#server = makeServer(paths, actions);
  }

  async start(): Promise<void> {
    if (await isAnswered(this.#path)) {
      throw new Error(`admin socket ${this.#path}: another process has it; stop that one first`);
    }
    await mkdir(dirname(this.#path), { recursive: true });
    await rm(this.#path, { force: true });
    const mask = process.umask(OWNER_ONLY);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', (error) =>
          reject(new Error(`admin socket ${this.#path}: ${error.message}`, { cause: error })),
        );
        this.#server.listen(this.#path, resolve);
      });
    } finally {
      process.umask(mask);
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#path, { force: true });
  }
}
