import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';

const SILENCE_LIMIT_MS = 5000;

async function exchange(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
): Promise<{ status: number; text: string }> {
  const sent = request({ socketPath, method, path, timeout: SILENCE_LIMIT_MS });
  sent.on('timeout', () => sent.destroy(new Error('no answer')));
  sent.end();
  let response: IncomingMessage;
  try {
    [response] = (await once(sent, 'response')) as [IncomingMessage];
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`admin socket ${socketPath}: ${why} (does baton run there?)`, { cause: error });
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  return { status: response.statusCode ?? 0, text };
}

/** Asks a running program through its admin socket. Throws when nobody answers there, or refuses. */
export async function askAdmin<Answer = unknown>(
  socketPath: string,
  path: string,
): Promise<Answer> {
  const { status, text } = await exchange(socketPath, 'GET', path);
  if (status !== 200) throw new Error(`admin ${path}: ${text.trim()}`);
  return JSON.parse(text) as Answer;
}

/** Makes a running program do something; what it refuses is an answer, too. */
export async function tellAdmin<Answer = unknown>(
  socketPath: string,
  path: string,
): Promise<Answer> {
  const { status, text } = await exchange(socketPath, 'POST', path);
  if (status !== 200 && status !== 409) throw new Error(`admin ${path}: ${text.trim()}`);
  return JSON.parse(text) as Answer;
}
